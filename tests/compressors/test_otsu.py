"""Otsu's threshold, against trying every edge."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.compressors.otsu import otsu


def between(counts: list[int], cut: int) -> float:
    """Return the variance between the bins below `cut` and the others, times a constant."""
    low, high = counts[:cut], counts[cut:]
    if not sum(low) or not sum(high):
        return 0.0
    mean_low = sum(i * c for i, c in enumerate(low)) / sum(low)
    mean_high = sum((cut + i) * c for i, c in enumerate(high)) / sum(high)
    return sum(low) * sum(high) * (mean_low - mean_high) ** 2


@given(counts=st.lists(st.integers(0, 5), min_size=16, max_size=16).filter(any))
def test_the_edge_is_the_best_of_all(counts: list[int]) -> None:
    values = torch.cat([torch.full((c,), (i + 0.5) / 8) for i, c in enumerate(counts)])
    cuts = [between(counts, cut) for cut in range(17)]
    best = max(cuts)
    expected = next(i for i, b in enumerate(cuts) if b >= best * (1 - 1e-9)) if best else 0
    assert otsu(values, low=0, high=2, bins=16) == pytest.approx(expected / 8)


def test_two_heaps_are_parted() -> None:
    values = torch.tensor([0.1, 0.11, 0.12, 1.5, 1.6])
    assert 0.12 < otsu(values, low=0, high=2, bins=128) <= 1.5


@pytest.mark.parametrize("value", [0.0, 0.7, 2.0])
def test_one_heap_is_wholly_above(value: float) -> None:
    assert otsu(torch.full((5,), value), low=0, high=2, bins=128) == 0
