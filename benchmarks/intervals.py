"""Means over streams of several lengths, with intervals by drawing the streams anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DRAWS = 2000
INSIDE = 0.95


class Mean(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def mean(values: Mapping[int, Sequence[float]], seed: int = 0) -> Mean:
    """Return the mean over lengths of the mean over streams, lengths counting alike.

    The interval is that of 2,000 draws of as many streams of each length, with replacement.
    """
    return _interval(_draws(values, seed), float(np.mean([np.mean(v) for v in values.values()])))


def ratio(
    above: Mapping[int, Sequence[float]], below: Mapping[int, Sequence[float]], seed: int = 0
) -> Mean | None:
    """Return the ratio of two such means over the same streams; None where it has no bounds.

    Both are drawn together, so what a hard stream does to both cancels out.
    """
    centre = float(np.mean([np.mean(v) for v in below.values()]))
    drawn = _draws(below, seed)
    if centre <= 0 or drawn.min() <= 0:
        return None
    up = float(np.mean([np.mean(v) for v in above.values()]))
    return _interval(_draws(above, seed) / drawn, up / centre)


def difference(
    one: Mapping[int, Sequence[float]], other: Mapping[int, Sequence[float]], seed: int = 0
) -> Mean:
    """Return by how much the first mean is larger, over the same streams."""
    pairs = {n: [a - b for a, b in zip(one[n], other[n], strict=True)] for n in one}
    return mean(pairs, seed)


def _draws(values: Mapping[int, Sequence[float]], seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    drawn = []
    for length in sorted(values):
        known = np.asarray(values[length], np.float64)
        drawn.append(known[rng.integers(len(known), size=(DRAWS, len(known)))].mean(1))
    means: NDArray[np.float64] = np.mean(drawn, 0)
    return means


def _interval(drawn: NDArray[np.float64], centre: float) -> Mean:
    low, high = np.quantile(drawn, [(1 - INSIDE) / 2, (1 + INSIDE) / 2])
    return Mean(centre, float(low), float(high))
