"""Keys and values that were read, and where they stand beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One frame, or one run of text, over all layers. Nobody changes it once it exists."""

    keys: tuple[Tensor, ...]  # one a layer, (h, n, d), after QK-norm, not rotated
    values: tuple[Tensor, ...]  # one a layer, (h, n, d)
    positions: Tensor  # (a, n) int64 on the CPU, relative to the segment's own start
    time: float | None = None  # seconds on the stream's clock; None for text that opens the stream
    advance: int | None = None  # see `place`
    span: Tensor = field(init=False)  # (a, 1) int64, positions that it takes on each axis
    nbytes: int = field(init=False)  # of keys and values, over all layers

    def __post_init__(self) -> None:
        """Derive what is asked for often."""
        object.__setattr__(self, "span", self.positions.amax(1, keepdim=True) + 1)
        object.__setattr__(self, "nbytes", sum(t.nbytes for t in (*self.keys, *self.values)))

    def __len__(self) -> int:
        """Return n."""
        return self.positions.shape[1]


class Placement(NamedTuple):
    """Where segments stand, and where the one after them would."""

    positions: Tensor  # (a, n) int64 on the CPU, of all tokens
    origin: Tensor  # (a, 1) int64 on the CPU


def place(segments: Iterable[Segment], axes: int, advance: int | None = None) -> Placement:
    """Give `segments` contiguous positions from zero on, whatever once stood between them.

    A segment starts one past the largest position before it, on each of the `axes`. Frames of one
    video that M-RoPE reads as a whole are the exception: where two neighbours both have an
    `advance`, the second starts later than the first, by the first's, on the first axis (time)
    and at the same place on the others (height, width). The argument `advance` is that of the
    segment to come.
    """
    parts = [torch.empty(axes, 0, dtype=torch.int64)]
    start, top, last = torch.zeros(axes, 1, dtype=torch.int64), 0, None
    for segment in segments:
        start = _next(start, top, last, segment.advance)
        parts.append(segment.positions + start)
        top = max(top, int((start + segment.span).max()))
        last = segment.advance
    return Placement(torch.cat(parts, 1), _next(start, top, last, advance))


def _next(start: Tensor, top: int, last: int | None, advance: int | None) -> Tensor:
    if last is None or advance is None:
        return torch.full_like(start, top)
    moved = start.clone()
    moved[0] += last
    return moved
