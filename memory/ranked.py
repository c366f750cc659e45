"""Which tokens of frames that were scored are recalled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Room(NamedTuple):
    """How much of the frames that are ranked is recalled."""

    tokens: int
    crowd: bool = False  # whether each frame's best token comes before any frame's second


def best_frames(
    frames: NDArray[np.int32], scores: NDArray[np.float64], room: Room
) -> NDArray[np.int64]:
    """Return the indices, rising, of the tokens of the best frames that fit into `room`.

    `frames` and `scores` are those of each token, (n,). A frame is as good as its best token, of
    equally good ones the earlier counts. They are whole, and the best one is returned whatever its
    size; but of a crowd it is each one's best token, then the others of the best frames.
    """
    if len(frames) <= room.tokens:
        return np.arange(len(frames))
    _, owner, best = by_frame(frames, scores)
    order = np.argsort(-best, kind="stable")
    if room.crowd:
        place = np.empty(len(best), np.int64)
        place[order] = np.arange(len(best))
        by_score = np.lexsort((-scores, owner))
        later = np.ones(len(frames), np.bool_)
        later[by_score[np.searchsorted(owner[by_score], np.arange(len(best)))]] = False
        return np.sort(np.lexsort((-scores, place[owner], later))[: room.tokens])
    fits = np.bincount(owner)[order].cumsum() <= room.tokens
    fits[0] = True
    chosen = np.zeros(len(best), np.bool_)
    chosen[order[fits]] = True
    return np.flatnonzero(chosen[owner])


def best_tokens(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the indices, rising, of the `count` largest of `scores`; the earlier of equals."""
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def by_frame(
    frames: NDArray[Any], scores: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
    """Return each frame once, rising, which of these each token is of, and their best scores.

    `frames` tells the frame of each token, (n,), by its number or by its time.
    """
    every, owner = np.unique(frames, return_inverse=True)
    best = np.full(len(every), -np.inf)
    np.maximum.at(best, owner, scores)
    return every, owner, best
