"""Exact search against sorting by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import InputError
from longwatch.retrieval import Flat


@given(
    ids=st.lists(st.integers(0, 99), min_size=1, max_size=30, unique=True),
    k=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_search_is_best_first_and_breaks_ties_by_id(ids: list[int], k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Small whole numbers, so that there are ties and the products are exact.
    vectors = torch.randint(-1, 2, (len(ids), 3), generator=generator).float()
    query = torch.randint(-2, 3, (3,), generator=generator).float()
    index = Flat(3)
    index.add(ids, vectors)
    scores = {i: float(v @ query) for i, v in zip(ids, vectors, strict=True)}
    assert index.search(query, k) == sorted(ids, key=lambda i: (-scores[i], i))[:k]


def test_what_was_removed_is_never_found() -> None:
    index = Flat(2)
    index.add([5, 6, 7], torch.eye(3, 2))
    index.remove([6])
    assert index.search(torch.ones(2), 9) == [5, 7]
    assert len(index) == 2
    with pytest.raises(KeyError, match="6"):
        index.remove([6])


@pytest.mark.parametrize("ids", [[5], [1, 1]])
def test_an_id_is_indexed_once(ids: list[int]) -> None:
    index = Flat(2)
    index.add([5], torch.ones(1, 2))
    with pytest.raises(InputError, match="already"):
        index.add(ids, torch.ones(len(ids), 2))


def test_vectors_must_fit() -> None:
    with pytest.raises(InputError, match="need vectors of shape"):
        Flat(2).add([1], torch.ones(1, 3))
