"""Photographs among simulated things.

A thing that fills the frame is seen in part of it; beside it may be a false name, or two, as sure
as a true one, in a corner, of which the whole frame's token knows nearly nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILLS = 0.9  # height of a thing that fills the frame
HEIGHT, WIDTH = (0.4, 0.95), (0.3, 0.95)  # of what is seen of it
MIDDLE = (0.32, 0.68)  # of that, either way
CORNER = (0.2, 0.4)  # sides of the false one
FALSE = 0.7  # share of photographs that have one
WHOLE = 0.05  # of its probability, in the whole frame's token
STEADY = 0.75  # share of the frames in which it is seen


class Clutter(NamedTuple):
    """What photographs change in a stream."""

    boxes: NDArray[np.float64]  # (frames, things, 4) where things are seen: x0, y0, x1, y1
    corners: NDArray[np.float64]  # (frames, 1, 4) where a false one is seen, zeros where none is
    words: NDArray[np.int64]  # (frames, 2) its token id, and that of what it may be besides
    sure: NDArray[np.float64]  # (frames, 2) their probabilities

    def beside(
        self, words: NDArray[np.int64], p: NDArray[np.float64], cover: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return names and their probabilities with the false ones in place of the last ones.

        Args:
            words: (frames, 1 + cells, k) token ids.
            p: of the same shape.
            cover: (frames, 1 + cells), how much of each cell the corners cover.
        """
        false = self.sure[:, None] * (cover * 2.2).clip(0, 1)[..., None]
        false[:, 0] *= WHOLE
        there = false.any(2)
        words, p = words.copy(), p * (1 - false.sum(2, keepdims=True))
        words[there, -2:] = np.broadcast_to(self.words[:, None], false.shape)[there]
        p[there, -2:] = false[there]
        return words, p


def photographed(
    shown: NDArray[np.int64],
    boxes: NDArray[np.float64],
    names: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
) -> Clutter:
    """Make photographs of a share of the things that fill the frame.

    Args:
        shown: (frames, things), index of the event that is visible, or -1.
        boxes: (frames, things, 4), where.
        names: token ids that a false name is drawn from.
        share: 0 to 1.
        rng: draws it.
    """
    frames = len(shown)
    nothing = np.zeros((frames, 2), np.int64), np.zeros((frames, 2))
    found = Clutter(boxes.copy(), np.zeros((frames, 1, 4)), *nothing)
    filling = (boxes[..., 3] - boxes[..., 1] > FILLS) & (shown >= 0)
    for event in np.unique(shown[filling]):
        if rng.random() >= share:
            continue
        here = filling & (shown == event)
        sides = np.array([rng.uniform(*WIDTH), rng.uniform(*HEIGHT)])
        found.boxes[here] = _box(rng.uniform(*MIDDLE, 2), sides)
        if rng.random() < FALSE:
            rows = here.any(1) & (rng.random(frames) < STEADY)
            found.corners[rows, 0] = _box(rng.uniform(0.1, 0.9, 2), rng.uniform(*CORNER, 2))
            found.words[rows] = rng.choice(names, 2)
            second = rng.choice([0.0, rng.uniform(0.0, 0.5)])
            sure = rng.uniform(0.2, 1.0) * rng.uniform(0.7, 1.0, (int(rows.sum()), 1))
            found.sure[rows] = sure * [1 - second, second]
    return found


def _box(middle: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = (middle - sides / 2).clip(0, 1), (middle + sides / 2).clip(0, 1)
    return np.concatenate([low, high])
