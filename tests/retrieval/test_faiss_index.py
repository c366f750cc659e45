"""FAISS against the oracle, on random vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from longwatch.retrieval import Flat
from longwatch.retrieval.faiss_index import HALF_MAX, FaissIndex, FaissSettings

if TYPE_CHECKING:
    from torch import Tensor

BLOCKS = 3000


def made(each: int = 1, width: int = 64, **how: Any) -> tuple[Flat, FaissIndex, Tensor]:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(BLOCKS, each, width, generator=generator)
    oracle, index = Flat(width), FaissIndex(width, FaissSettings(**how))
    for retriever in (oracle, index):
        retriever.add(range(BLOCKS), vectors)
        retriever.remove(range(0, BLOCKS, 9))
    return oracle, index, torch.randn(50, width, generator=generator)


def recall(oracle: Flat, index: FaissIndex, asked: list[Tensor], k: int) -> float:
    both = [(set(oracle.search(q, k).ids), set(index.search(q, k).ids)) for q in asked]
    return float(np.mean([len(truth & found) / k for truth, found in both]))


@pytest.mark.parametrize("each", [1, 4])
@pytest.mark.parametrize("k", [1, 64, 2500, 9999])
@pytest.mark.parametrize("queries", [1, 7])
def test_it_finds_what_the_oracle_finds(each: int, k: int, queries: int) -> None:
    oracle, index, asked = made(each)
    allowed = np.arange(2000) % 3 > 0
    for query in asked[:14].split(queries)[:3]:
        assert index.search(query, k) == oracle.search(query, k)
        assert index.search(query, k, allowed) == oracle.search(query, k, allowed)


def test_a_crowd_of_equals_at_the_edge_is_cut_by_the_smaller_id() -> None:
    index = FaissIndex(100)
    vector = torch.randn(100, generator=torch.Generator().manual_seed(0))
    index.add(range(5000), vector.expand(5000, 1, 100))
    assert index.search(vector[None], 64).ids == tuple(range(64))
    assert index.search(vector.expand(3, 100), 64).ids == tuple(range(64))


@pytest.mark.parametrize("each", [1, 4])
def test_rounding_to_half_precision_hardly_changes_what_is_found(each: int) -> None:
    oracle, index, queries = made(each, half=True)
    assert recall(oracle, index, list(queries.split(1)), 64) >= 0.99
    assert index.nbytes < 0.6 * made(each)[1].nbytes


def test_a_search_without_selectors_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's index cannot leave out rows, so that hidden ones come back and are dropped."""
    oracle, index, queries = made()
    plain = index._nearest
    monkeypatch.setattr(index, "_nearest", lambda asked, want, _: plain(asked, want, None))
    allowed = np.arange(2000) % 50 == 0
    for query in queries[:10].split([1, 1, 1, 7]):
        assert index.search(query, 20, allowed) == oracle.search(query, 20, allowed)


def test_a_number_too_large_for_half_precision_becomes_the_largest() -> None:
    index = FaissIndex(2, FaissSettings(half=True))
    index.add([0], torch.tensor([[[1e6, -1e30]]]))
    assert index.vectors([0])[0].tolist() == [[[HALF_MAX, -HALF_MAX]]]


def test_a_gpu_that_is_asked_for_and_absent_is_done_without() -> None:
    oracle, index, queries = made(gpu=True)
    assert index.search(queries[:1], 10) == oracle.search(queries[:1], 10)
