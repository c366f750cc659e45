"""One segment in the place of many frames: the tokens that a fixed budget keeps of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from longwatch.memory.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Origin(NamedTuple):
    """Where the tokens of one layer come from; heads may hold different ones."""

    frame: Tensor  # (h, n) int32, running number
    time: Tensor  # (h, n) fp64, seconds
    cell: Tensor  # (h, n) int32, which token of its frame
    place: Tensor  # (a, h, n) int32, position from the frame's start
    span: Tensor  # (h, n) int32, positions that the frame takes

    def take(self, at: Tensor) -> Origin:
        """Return the tokens at `at`, (h, k) int64."""
        place = self.place.gather(2, at.expand(len(self.place), -1, -1))
        frame, time, cell, span = (
            x.gather(1, at) for x in (self.frame, self.time, self.cell, self.span)
        )
        return Origin(frame, time, cell, place, span)


class Bag(NamedTuple):
    """The tokens that one layer holds, and where they come from, oldest first."""

    keys: Tensor  # (h, n, d)
    values: Tensor  # (h, n, d)
    origin: Origin

    def take(self, at: Tensor) -> Bag:
        """Return the tokens at `at`, (h, k) int64, which rise in each head."""
        here = at.to(self.keys.device)[..., None].expand(-1, -1, self.keys.shape[2])
        return Bag(self.keys.gather(1, here), self.values.gather(1, here), self.origin.take(at))


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Which tokens of many frames a segment holds. Frames with any token left stand in a row."""

    since: float  # seconds, of the oldest frame
    frames: int  # of which a token is left in some layer
    origins: tuple[Origin, ...]  # one a layer
    places: tuple[Tensor, ...]  # one a layer, (a, h, n) int32 from the segment's start

    @property
    def nbytes(self) -> int:
        """Return the bytes of all that tells tokens apart."""
        return sum(x.nbytes for x in (*self.places, *(x for o in self.origins for x in o)))

    def positions(self) -> Tensor:
        """Return the positions of all layers and heads, (a, any)."""
        return torch.cat([at.flatten(1) for at in self.places], 1).long()


def bag(segments: Sequence[Segment], layer: int) -> Bag:
    """Return all tokens of neighbouring segments in one layer."""
    origins = [_origin(segment, layer) for segment in segments]
    frame, time, cell, span = (
        torch.cat(x, 1)
        for x in zip(*[(o.frame, o.time, o.cell, o.span) for o in origins], strict=True)
    )
    place = torch.cat([o.place for o in origins], 2)
    return Bag(
        torch.cat([s.keys[layer] for s in segments], 1),
        torch.cat([s.values[layer] for s in segments], 1),
        Origin(frame, time, cell, place, span),
    )


def segment_of(bags: Sequence[Bag]) -> Segment:
    """Return the segment that holds what each layer's bag does; all have as many tokens."""
    origins = [b.origin for b in bags]
    every = torch.cat([o.frame.flatten() for o in origins])
    frames, rank = every.unique(return_inverse=True)
    spans = torch.zeros(len(frames), dtype=torch.int64)
    spans[rank] = torch.cat([o.span.flatten() for o in origins]).long()
    starts = spans.cumsum(0) - spans
    places, seen = [], 0
    for o in origins:
        here = rank[seen : seen + o.frame.numel()].reshape(o.frame.shape)
        seen += o.frame.numel()
        places.append(o.place + starts[here].int())
    times = torch.cat([o.time.flatten() for o in origins])
    kept = Kept(float(times.min()), len(frames), tuple(origins), tuple(places))
    return Segment(
        keys=tuple(b.keys for b in bags),
        values=tuple(b.values for b in bags),
        positions=places[0][:, 0].long(),
        time=float(times.max()),
        index=int(frames[-1]),
        kept=kept,
    )


def _origin(segment: Segment, layer: int) -> Origin:
    if segment.kept is not None:
        return segment.kept.origins[layer]
    h, n = segment.keys[layer].shape[0], len(segment)
    size = torch.full((h, n), int(segment.span.max()), dtype=torch.int32)
    return Origin(
        torch.full((h, n), segment.index, dtype=torch.int32),
        torch.full((h, n), segment.time or 0.0, dtype=torch.float64),
        torch.arange(n, dtype=torch.int32).expand(h, n),
        segment.positions[:, None].int().expand(-1, h, n),
        size,
    )
