"""Where the last token of a context looked: how its attention was spread over frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.context import Context


class Look(NamedTuple):
    """One layer's attention as it was asked for."""

    query: Tensor  # (heads, d), rotated
    scale: float
    end: int  # tokens attended to


class Gaze:
    """Notes the last query of each layer while a context is read; costs nothing but that."""

    def __init__(self) -> None:
        self._looks: dict[int, Look] = {}

    def note(self, layer: int, query: Tensor, scale: float, end: int) -> None:
        """Take the queries, (heads, n, d), of a pass over `layer`; the last pass stays."""
        self._looks[layer] = Look(query[:, -1], scale, end)

    def frames(
        self, context: Context, heads: Mapping[int, Sequence[int]] | None = None
    ) -> dict[float, float]:
        """Return the share of attention that each stored frame got, by its time in seconds.

        It is the mean over `heads`, by layer, or over all of them. What went to text, to the
        question itself and to the opening of the stream is left out, so shares sum to at most 1.
        """
        weights: dict[float, float] = {}
        chosen = dict.fromkeys(self._looks) if heads is None else heads
        count = 0
        for layer, some in chosen.items():
            look = self._looks[layer]
            mass = _mass(look, context.keys(layer)[:, : look.end])
            mass = mass if some is None else mass[list(some)]
            count += len(mass)
            times = context.times(layer)
            for time, weight in _summed(times, mass[:, : len(times)].sum(0)).items():
                weights[time] = weights.get(time, 0.0) + weight
        return {time: weight / max(1, count) for time, weight in weights.items()}


def _mass(look: Look, keys: Tensor) -> Tensor:
    """Return the attention, (heads, m), of one token to `keys`, (h, m, d)."""
    h, _, d = keys.shape
    rows = look.query.float().reshape(h, -1, d)  # the heads that share a key-value head
    scores = rows @ keys.float().mT * look.scale
    return torch.softmax(scores, -1).flatten(0, 1)


def _summed(times: NDArray[np.float64], mass: Tensor) -> dict[float, float]:
    """Return the sums of equal times; NaN stands for no frame."""
    is_frame = ~np.isnan(times)
    found, at = np.unique(times[is_frame], return_inverse=True)
    sums = np.bincount(at, mass.cpu().double().numpy()[is_frame], len(found))
    return dict(zip(found.tolist(), sums.tolist(), strict=True))
