"""Cosines and choices, against plain ones."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.compressors.similarity import aligned, bare, cosine, cosines, spread, top, unit
from tests.compressors.clips import Clip, make


def test_rows_have_length_one_whatever_their_size() -> None:
    rows = torch.tensor([[3.0, 4.0], [3e38, 3e38], [1e-40, 0.0], [0.0, 0.0]])
    lengths = unit(rows).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1.0, 1.0, 1.0, 0.0]))


def test_a_cosine_is_the_cosine() -> None:
    a, b = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(0)).unbind()
    torch.testing.assert_close(cosine(a, b), torch.cosine_similarity(a, b))


def test_a_cosine_neither_overflows_nor_vanishes() -> None:
    a = torch.tensor([[3e38, 3e38], [3e38, 0.0], [1e-30, 2e-30], [1.0, 0.0]])
    b = torch.tensor([[1e-30, 1e-30], [0.0, 3e38], [1e-30, 2e-30], [2.0, 0.0]])
    expected = torch.tensor([1.0, 0.0, 1.0, 1.0])
    torch.testing.assert_close(cosine(a, b), expected)
    torch.testing.assert_close(cosines(a, b).diagonal(), expected)


def test_nothing_equals_nothing_and_nothing_else() -> None:
    a = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    b = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    torch.testing.assert_close(cosine(a, b), torch.tensor([1.0, 0.0, 1.0]))


def test_the_table_of_cosines_holds_each_cosine() -> None:
    a = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    b = torch.cat([a[:3], torch.zeros(1, 8)])
    a[4] = 0
    expected = torch.stack([cosine(row.expand_as(b), b) for row in a])
    torch.testing.assert_close(cosines(a, b), expected)


def test_a_frame_to_compare_with_holds_nothing_else() -> None:
    tokens = make(Clip(saliency=True))[0]
    kept = bare(tokens)
    assert kept.embeds is tokens.embeds
    assert aligned(kept, tokens)
    assert kept.extras == ()
    assert kept.saliency is None
    assert kept.image is None


@given(scores=st.lists(st.integers(0, 3), min_size=1, max_size=20), k=st.integers(1, 20))
def test_the_top_are_the_largest_and_of_equals_the_first(scores: list[int], k: int) -> None:
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]
    assert top(torch.tensor(scores), k).tolist() == sorted(best)


@given(n=st.integers(1, 100), k=st.integers(1, 100))
def test_spread_indices_are_evenly_apart(n: int, k: int) -> None:
    found = spread(n, k, torch.device("cpu")).tolist()
    assert len(found) == min(n, k)
    steps = [b - a for a, b in pairwise([-1, *found, n])]
    assert min(steps) >= 1
    assert max(steps) <= n // len(found) + 1
    assert max(steps[1:-1], default=0) - min(steps[1:-1], default=0) <= 1


@pytest.mark.parametrize(("other", "expected"), [(Clip(), True), (Clip(grid=(1, 9)), False)])
def test_frames_are_aligned_where_their_cells_are(other: Clip, expected: bool) -> None:
    tokens = make(Clip())[0]
    assert aligned(make(other)[0], tokens) == expected
    assert not aligned(None, tokens)
    assert not aligned(tokens.select(torch.arange(8)), tokens)
