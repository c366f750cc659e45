"""Which block each row of an index belongs to, and which rows still count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from longwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Owners:
    """The ids of an index's blocks, row by row.

    Ids only grow, so rows are sorted by id, those of one block lie together, and every question
    about them is a binary search. Removed rows stay, marked, until `compact`.
    """

    def __init__(self) -> None:
        self._ids = np.empty(0, np.int64)  # of each row; grows by doubling
        self._alive = np.empty(0, np.bool_)  # as long as `_ids`
        self._last = -1  # the largest id ever added
        self._blocks = 0
        self.rows = 0  # in use, buried ones included
        self.buried = 0  # rows removed and not yet compacted

    def __len__(self) -> int:
        """Return how many blocks there are."""
        return self._blocks

    @property
    def nbytes(self) -> int:
        """Return the bytes allocated."""
        return self._ids.nbytes + self._alive.nbytes

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the id of each row, (rows,), rising."""
        return self._ids[: self.rows]

    def append(self, ids: Sequence[int], each: int) -> None:
        """Add `each` rows for each of `ids`; `InputError` unless the ids are new and rise."""
        last = self._last
        for i in ids:
            if i <= last:
                raise InputError(
                    f"block {i} cannot follow block {last}: ids are not negative, only grow, "
                    "and are never used again; give the next one"
                )
            last = i
        end = self.rows + len(ids) * each
        if end > len(self._ids):
            room = max(end, 2 * len(self._ids)) - len(self._ids)
            self._ids = np.concatenate([self._ids, np.empty(room, np.int64)])
            self._alive = np.concatenate([self._alive, np.empty(room, np.bool_)])
        self._ids[self.rows : end] = np.repeat(np.asarray(ids, np.int64), each)
        self._alive[self.rows : end] = True
        self._last, self._blocks, self.rows = last, self._blocks + len(ids), end

    def find(self, ids: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Return the first row of each of `ids`, and how many it has; `KeyError` if absent."""
        wanted = np.asarray(ids, np.int64)
        first = np.searchsorted(self.ids, wanted, "left")
        count = np.searchsorted(self.ids, wanted, "right") - first
        missing = count == 0
        missing[~missing] = ~self._alive[first[~missing]]
        if missing.any():
            raise KeyError(int(wanted[missing].min()))
        return first, count

    def bury(self, ids: Sequence[int]) -> None:
        """Mark the rows of `ids` as removed; `KeyError`, and no change, if one is absent."""
        first, count = self.find(sorted(set(ids)))
        self._alive[spread(first, count)] = False
        self._blocks -= len(first)
        self.buried += int(count.sum())

    def shown(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Return for each row whether it counts and its block is allowed, (rows,)."""
        shown = self._alive[: self.rows].copy()
        if allowed is not None:
            end = int(np.searchsorted(self.ids, len(allowed)))
            shown[:end] &= allowed[self.ids[:end]]
            shown[end:] = False
        return shown

    def compact(self) -> NDArray[np.bool_]:
        """Drop the buried rows, and return which of the rows before stay, (rows,)."""
        kept = self._alive[: self.rows].copy()
        self._ids = self.ids[kept]
        self._alive = np.ones(len(self._ids), np.bool_)
        self.rows, self.buried = len(self._ids), 0
        return kept


def spread(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the runs `first[i] .. first[i] + count[i] - 1`, one after the other."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + count, count)
