"""Keys and values that were read, and where they stand beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.kept import Kept


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One frame, or one run of text, over all layers. Nobody changes it once it exists.

    A segment may also hold what a policy kept of many frames, see `Kept`; then `time` and `index`
    are those of the newest.
    """

    keys: tuple[Tensor, ...]  # one a layer, (h, n, d), after QK-norm, not rotated
    values: tuple[Tensor, ...]  # one a layer, (h, n, d)
    positions: Tensor  # (a, n) int64 on the CPU, relative to the segment's own start
    time: float | None = None  # seconds on the stream's clock; None for text that opens the stream
    advance: int | None = None  # see `place`
    index: int = -1  # running number of the frame in its stream; -1 for text
    thinned: bool = False  # whether only some of the tokens that were read are left
    kept: Kept | None = None  # where it holds what a policy kept of many frames
    importance: Tensor | None = None  # (n,) fp32 on the CPU, see `rating`; None: not rated
    span: Tensor = field(init=False)  # (a, 1) int64, positions that it takes on each axis
    nbytes: int = field(init=False)  # of keys and values, over all layers

    def __post_init__(self) -> None:
        """Derive what is asked for often."""
        at = self.positions if self.kept is None else self.kept.positions()
        object.__setattr__(self, "span", at.amax(1, keepdim=True) + 1)
        object.__setattr__(self, "nbytes", sum(t.nbytes for t in (*self.keys, *self.values)))

    def __len__(self) -> int:
        """Return n."""
        return self.positions.shape[1]

    @property
    def start(self) -> float | None:
        """Return the stream time of the oldest frame in it, in seconds; None for text."""
        return self.time if self.kept is None else self.kept.since

    @property
    def frames(self) -> int:
        """Return of how many frames it holds something."""
        if self.time is None:
            return 0
        return 1 if self.kept is None else self.kept.frames

    def times(self, layer: int) -> list[float]:
        """Return the time of each token as a layer's first head sees it, in seconds."""
        if self.kept is not None:
            found: list[float] = self.kept.origins[layer].time[0].tolist()
            return found
        return [0.0 if self.time is None else self.time] * len(self)

    @property
    def last(self) -> int:
        """Return where its last frame starts on the first axis, from its own start."""
        return 0

    def take(self, at: Tensor) -> Segment:
        """Return the frame with the tokens at `at`, (k,) int64 on the CPU and rising, alone."""
        here = at.to(self.keys[0].device)
        return replace(
            self,
            keys=tuple(k[:, here] for k in self.keys),
            values=tuple(v[:, here] for v in self.values),
            positions=self.positions[:, at],
            importance=None if self.importance is None else self.importance[at],
        )

    def part(self, layer: int) -> Part:
        """Return what one layer sees of it."""
        at = self.positions if self.kept is None else self.kept.places[layer].long()
        times: NDArray[np.float64] | float = np.nan if self.time is None else self.time
        if self.kept is not None:
            times = self.kept.origins[layer].time[0].numpy()
        return Part(self.keys[layer], self.values[layer], at, self.span, self.advance, times=times)


class Part(NamedTuple):
    """Neighbouring tokens as one layer sees them."""

    keys: Tensor  # (h, m, d), not rotated
    values: Tensor  # (h, m, d)
    positions: Tensor  # (a, m), or (a, h, m) where heads differ; int64, from the part's start
    span: Tensor  # (a, 1) int64
    advance: int | None = None
    last: int = 0  # where its last frame starts on the first axis
    times: NDArray[np.float64] | float = np.nan  # (m,) of each token's frame, or of all, in seconds


class Placeable(Protocol):
    """Tokens that stand together: a segment, or a part of a layer."""

    @property
    def positions(self) -> Tensor:
        """Return (a, n) int64 on the CPU, relative to their own start."""
        ...

    @property
    def span(self) -> Tensor:
        """Return (a, 1) int64: the positions that they take on each axis."""
        ...

    @property
    def advance(self) -> int | None:
        """Return the step to the next frame of one video, see `place`."""
        ...

    @property
    def last(self) -> int:
        """Return where the last frame in it starts on the first axis."""
        ...


class Cursor(NamedTuple):
    """The end of what has been placed so far."""

    start: Tensor  # (a, 1) int64, of the last one placed
    top: int  # one past the largest position
    advance: int | None  # of the last one placed

    @classmethod
    def begin(cls, axes: int) -> Cursor:
        """Return the cursor of an empty row."""
        return cls(torch.zeros(axes, 1, dtype=torch.int64), 0, None)

    def next(self, advance: int | None) -> Tensor:
        """Return where something with this `advance` starts, (a, 1)."""
        if self.advance is None or advance is None:
            return torch.full_like(self.start, self.top)
        moved = self.start.clone()
        moved[0] += self.advance
        return moved

    def past(self, part: Placeable) -> Cursor:
        """Return the cursor after `part`."""
        start = self.next(part.advance)
        top = max(self.top, int((start + part.span).max()))
        if part.last:
            start = start.clone()
            start[0] += part.last
        return Cursor(start, top, part.advance)


class Placement(NamedTuple):
    """Where segments stand, and where the one after them would."""

    positions: Tensor  # (a, n) int64 on the CPU, of all tokens
    end: Cursor


def place(parts: Iterable[Placeable], axes: int, after: Cursor | None = None) -> Placement:
    """Give `parts` contiguous positions from zero, or from `after`, whatever once lay between.

    A part starts one past the largest position before it, on each of the `axes`. Frames of one
    video that M-RoPE reads as a whole are the exception: where two neighbours both have an
    `advance`, the second starts later than the first, by the first's, on the first axis (time)
    and at the same place on the others (height, width).
    """
    placed = [torch.empty(axes, 0, dtype=torch.int64)]
    cursor = Cursor.begin(axes) if after is None else after
    for part in parts:
        placed.append(part.positions + cursor.next(part.advance))
        cursor = cursor.past(part)
    return Placement(torch.cat(placed, 1), cursor)


def close(part: Part) -> Part:
    """Return the part from its own smallest position on."""
    at = part.positions.flatten(1)
    positions = part.positions - at.amin(1).reshape(-1, *[1] * (part.positions.ndim - 1))
    return part._replace(positions=positions, span=positions.flatten(1).amax(1, keepdim=True) + 1)
