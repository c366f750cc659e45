"""What is known of each sealed block without its keys and values: when, and which tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

FIRST = 64  # rows that a table begins with; twice as many whenever it is full
UNRATED: NDArray[np.float16] = np.empty(0, np.float16)  # stands for NaN for every token


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Where tokens came from, in the order of time."""

    frame: NDArray[np.int32]  # (n,) running number of the frame in its stream
    time: NDArray[np.float64]  # (n,) seconds on the stream's clock
    place: NDArray[np.int16]  # (a, n) position from the frame's own start
    span: NDArray[np.int16]  # (n,) positions that the frame takes, the largest of its axes
    importance: NDArray[np.float16] = field(default_factory=lambda: UNRATED)  # (n,) see `rating`

    def __post_init__(self) -> None:
        """Fill in importances that were not given."""
        if self.importance is UNRATED:
            object.__setattr__(self, "importance", np.full(len(self), np.nan, np.float16))

    def __len__(self) -> int:
        """Return n."""
        return len(self.frame)

    def take(self, at: NDArray[np.int64]) -> Tokens:
        """Return the tokens at the indices `at`."""
        return Tokens(
            self.frame[at], self.time[at], self.place[:, at], self.span[at], self.importance[at]
        )

    @classmethod
    def joined(cls, parts: list[Tokens]) -> Tokens:
        """Return all tokens of `parts`, which must not be empty, in their order."""
        return cls(
            np.concatenate([part.frame for part in parts]),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.place for part in parts], 1),
            np.concatenate([part.span for part in parts]),
            np.concatenate([part.importance for part in parts]),
        )


class Rows(NamedTuple):
    """The columns of a table, a row a block; T tokens at most in each."""

    rung: NDArray[np.int8]
    length: NDArray[np.int32]  # tokens used
    frame: NDArray[np.int32]  # (rows, T)
    time: NDArray[np.float64]  # (rows, T)
    place: NDArray[np.int16]  # (rows, a, T)
    span: NDArray[np.int16]  # (rows, T)
    importance: NDArray[np.float16]  # (rows, T)

    @classmethod
    def empty(cls, rows: int, tokens: int, axes: int) -> Rows:
        """Return so many rows of blocks of so many tokens."""
        return cls(
            np.zeros(rows, np.int8),
            np.zeros(rows, np.int32),
            np.zeros((rows, tokens), np.int32),
            np.zeros((rows, tokens)),
            np.zeros((rows, axes, tokens), np.int16),
            np.zeros((rows, tokens), np.int16),
            np.zeros((rows, tokens), np.float16),
        )


class Table:
    """Rows of blocks by id. Ids are given out in order and rows never change.

    One thread writes. A reader keeps what `rows` and `base` were, and never looks beyond the
    number of ids that there were then.
    """

    def __init__(self, tokens: int, axes: int) -> None:
        """Begin without blocks; a block has at most `tokens`, each with `axes` positions."""
        self.tokens, self.axes = tokens, axes
        self.rows = Rows.empty(FIRST, tokens, axes)
        self.base = 0  # id of the first row
        self.end = 0  # the next id

    @property
    def nbytes(self) -> int:
        """Bytes of all columns, spare rows included."""
        return sum(column.nbytes for column in self.rows)

    def add(self, rung: int, tokens: Tokens) -> int:
        """Enter a block; return its id."""
        row, n = self.end - self.base, len(tokens)
        if row == len(self.rows.rung):
            self._resize(2 * row, 0)
        rows = self.rows
        rows.rung[row], rows.length[row] = rung, n
        rows.frame[row, :n], rows.time[row, :n] = tokens.frame, tokens.time
        rows.place[row, :, :n], rows.span[row, :n] = tokens.place, tokens.span
        rows.importance[row, :n] = tokens.importance
        self.end += 1
        return self.end - 1

    def skip(self, ids: int) -> None:
        """Go on with the id `ids`; the rows of those left out mean nothing."""
        if self.base == self.end:
            self.base = ids
        while ids - self.base > len(self.rows.rung):
            self._resize(2 * len(self.rows.rung), 0)
        self.end = ids

    def trim(self, first: int) -> None:
        """Let go of the rows before the id `first`, once they are a quarter of all rows."""
        gone = first - self.base
        if gone > max(FIRST, len(self.rows.rung) // 4):
            self._resize(len(self.rows.rung), gone)
            self.base = first

    def _resize(self, rows: int, gone: int) -> None:
        """Copy the rows from `gone` on into new columns, which leave the old to their readers."""
        new = Rows.empty(rows, self.tokens, self.axes)
        some = slice(gone, self.end - self.base)
        olds: tuple[NDArray[Any], ...] = self.rows
        freshes: tuple[NDArray[Any], ...] = new
        for old, fresh in zip(olds, freshes, strict=True):
            fresh[: some.stop - gone] = old[some]
        self.rows = new


def tokens_of(rows: Rows, at: NDArray[np.int64]) -> tuple[Tokens, NDArray[np.int64]]:
    """Return the tokens of the blocks in the rows `at`, and where they are among all (b * T)."""
    width = rows.frame.shape[1]
    used = np.arange(width) < rows.length[at, None]
    index = np.flatnonzero(used)
    place = rows.place[at].transpose(1, 0, 2).reshape(rows.place.shape[1], -1)
    return (
        Tokens(
            rows.frame[at].reshape(-1)[index],
            rows.time[at].reshape(-1)[index],
            place[:, index],
            rows.span[at].reshape(-1)[index],
            rows.importance[at].reshape(-1)[index],
        ),
        index,
    )


def placed(
    tokens: Tokens, advance: int | None, gap: int, reach: int | None = None
) -> tuple[Tensor, Tensor, int]:
    """Return positions, (a, n), of frames that stand side by side, their span and `Part.last`.

    Up to `gap` frames that are missing between two leave as much room as the earlier one takes;
    fewer where all would take more than `reach` positions.
    """
    new = np.flatnonzero(np.diff(tokens.frame, prepend=-1))
    rank = np.zeros(len(tokens), np.int64)
    rank[new[1:]] = 1
    rank = rank.cumsum()
    frames, spans = tokens.frame[new].astype(np.int64), tokens.span[new].astype(np.int64)
    steps = spans if advance is None else np.full(len(new), advance)
    missing = _within(np.diff(frames) - 1, steps, gap, reach)
    starts = np.concatenate([[0], (steps[:-1] * (1 + missing)).cumsum()])
    at = tokens.place.astype(np.int64)
    if advance is None:
        at += starts[rank]
        span = np.full((len(at), 1), starts[-1] + spans[-1])
        last = 0
    else:
        at[0] += starts[rank]
        span = at.max(1, keepdims=True) + 1  # time and space end apart
        last = int(starts[-1])
    return torch.from_numpy(at), torch.from_numpy(span), last


def _within(
    missing: NDArray[np.int64], steps: NDArray[np.int64], gap: int, reach: int | None
) -> NDArray[np.int64]:
    """Return the frames missing after each of f frames but the last, at most `gap` at a time.

    `steps`, (f,), are the positions that a frame takes. Where all take more than `reach`, it is
    the largest gap with which they do not, or none.
    """
    fits = np.minimum(missing, gap)
    if reach is None or steps.sum() + (steps[:-1] * fits).sum() <= reach:
        return fits
    low, high = 0, int(fits.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        taken = steps.sum() + (steps[:-1] * np.minimum(missing, middle)).sum()
        low, high = (middle, high) if taken <= reach else (low, middle - 1)
    return np.minimum(missing, low)
