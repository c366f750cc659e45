"""Otsu's threshold: where a histogram falls apart into two heaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def otsu(values: Tensor, *, low: float, high: float, bins: int) -> float:
    """Return the edge of a bin that parts `values` (n,) with the largest variance between classes.

    The histogram has `bins` equal bins from `low` to `high`. Values at or above the edge form the
    upper class. Of equally good edges the lowest is returned; where all values fall into one bin,
    there are no two classes, and `low` is.
    """
    width = (high - low) / bins
    counts = torch.histc(values.float().cpu(), bins, low, high).double()
    middles = low + (torch.arange(bins, dtype=torch.float64) + 0.5) * width
    total, mass = counts.sum(), (counts * middles).sum()
    below = counts.cumsum(0)[:-1]
    mass_below = (counts * middles).cumsum(0)[:-1]
    above = total - below
    apart = mass_below / below.clamp(min=1) - (mass - mass_below) / above.clamp(min=1)
    between = torch.where((below > 0) & (above > 0), below * above * apart**2, 0.0)
    if not bool((between > 0).any()):
        return low
    # Equal up to rounding: the bins between two heaps are empty and part them alike.
    edge = int((between >= between.max() * (1 - 1e-9)).nonzero()[0])
    return low + (edge + 1) * width
