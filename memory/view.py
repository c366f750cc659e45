"""What one snapshot sees of an archive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.segment import Part
from longwatch.memory.table import placed, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.archive import Archive
    from longwatch.memory.segment import Segment
    from longwatch.memory.table import Rows, Tokens


class Lease:
    """Whoever holds one may still look at what is let go after it was given out."""

    __slots__ = ("__weakref__", "after")

    def __init__(self) -> None:
        self.after: Lease | None = None  # the next one: it lives as long as this one


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The blocks that one snapshot sees. Nothing that is sealed or let go later changes it."""

    archive: Archive
    rows: Rows
    base: int  # id of the first row
    end: int  # ids before this one exist
    dead: NDArray[np.bool_]  # by id, as far as it goes: let go before this view
    lease: Lease
    first_time: float  # of the oldest token, in seconds
    since: float = -np.inf  # blocks that end before are not seen
    until: float = np.inf  # tokens of frames after it are not seen

    @property
    def width(self) -> int:
        """Most tokens of a block."""
        return int(self.rows.frame.shape[1])

    def between(self, since: float = -np.inf, until: float = np.inf) -> View:
        """Return the same with frames from `since` to `until`, in seconds, alone."""
        return replace(self, since=max(since, self.since), until=min(until, self.until))

    def last_time(self) -> float | None:
        """Return the time of the newest token seen, in seconds, or None where there is none."""
        ids = np.flatnonzero(self.allowed())
        return float(self.tokens(ids)[0].time.max()) if len(ids) else None

    def allowed(self) -> NDArray[np.bool_]:
        """Return (end,) which ids are seen, whole or in part."""
        allowed = np.ones(self.end, np.bool_)
        allowed[: self.base] = False
        dead = self.dead[: self.end]
        allowed[: len(dead)] &= ~dead
        count = self.end - self.base
        times, last = self.rows.time[:count], self.rows.length[:count] - 1
        allowed[self.base :] &= times[:, 0] <= self.until
        allowed[self.base :] &= times[np.arange(count), last] >= self.since
        around = (times[:, 0] < self.since) & (times[np.arange(count), last] > self.until)
        for row in np.flatnonzero(allowed[self.base :] & around):  # few: blocks follow in time
            some = times[row, : last[row] + 1]
            allowed[self.base + row] = ((some >= self.since) & (some <= self.until)).any()
        return allowed

    def nearest(self, time: float) -> tuple[float, ...]:
        """Return the times of the last frame seen up to `time` and of the first after it.

        They are in seconds; what is not there is left out.
        """
        ids = np.flatnonzero(self.allowed())
        if not len(ids):
            return ()
        rows, row = self.rows, ids - self.base
        first, last = rows.time[row, 0], rows.time[row, rows.length[row] - 1]
        upto, after = last[last <= time], first[first > time]
        every = [upto.max(initial=-np.inf), after.min(initial=np.inf)]
        for i in row[(first <= time) & (last > time)]:
            every += rows.time[i, : rows.length[i]].tolist()
        times = np.array(every)
        before, later = times[times <= time].max(), times[times > time].min()
        return tuple(float(t) for t in (before, later) if np.isfinite(t))

    def in_time(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids in the order of time: later rungs are older, and ids rise on each."""
        order = np.lexsort((ids, -self.rows.rung[ids - self.base]))
        ordered: NDArray[np.int64] = ids[order]
        return ordered

    def tokens(self, ids: NDArray[np.int64]) -> tuple[Tokens, NDArray[np.int64]]:
        """Return the tokens seen of blocks, and where they are among all of these, (b * T)."""
        tokens, index = tokens_of(self.rows, ids - self.base)
        seen = np.flatnonzero((tokens.time <= self.until) & (tokens.time >= self.since))
        return (tokens, index) if len(seen) == len(tokens) else (tokens.take(seen), index[seen])

    def decoded(self, layer: int | None, ids: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values, (b, h, T, d), of blocks in RAM, in the order of time.

        Without a `layer` they are those of all of them, one after another, (L * b, h, T, d).
        `Archive.read` is where to ask for them: it may have some of them decoded already.
        """
        archive, tier = self.archive, self.archive.tier
        rungs, slots = self.rows.rung[ids - self.base], tier.slots(ids)
        there = dict.fromkeys(rungs.tolist())  # older blocks are on later rungs
        found: list[tuple[Tensor, Tensor]] = []
        for codec, alike in groupby(there, lambda rung: archive.sealing.rungs[rung].codec):
            at = torch.from_numpy(slots[np.isin(rungs, same := list(alike))])
            arena = tier.arenas[same[0]]
            rows = arena.read(at).flatten(0, 1) if layer is None else arena.gather(layer, at)
            rows = rows.to(archive.shape.device, non_blocking=True)
            found.append(codec.decode(rows, *archive.block, archive.shape.dtype))
        if len(found) == 1:
            return found[0]
        layers = archive.shape.layers if layer is None else 1
        keys, values = (
            torch.cat([x.unflatten(0, (layers, -1)) for x in parts], 1).flatten(0, 1)
            for parts in zip(*found, strict=True)
        )
        return keys, values

    def part(
        self,
        tokens: Tokens,
        keys: Tensor,
        values: Tensor,
        gap: int = 0,
        reach: int | None = None,
    ) -> Part:
        """Return some tokens, with their keys and values, (h, n, d), as they stand in a layer.

        Their frames stand side by side; see `placed` for `gap` and `reach`.
        """
        advance = self.archive.shape.advance
        positions, span, last = placed(tokens, advance, gap, reach)
        return Part(keys, values, positions, span, advance, last, tokens.time)


def around(
    view: View | None, segments: Sequence[Segment]
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return the segments at hand that are older than all that is sealed, and the others."""
    first = np.inf if view is None else view.first_time
    head = tuple(s for s in segments if s.start is None or s.start < first)
    return head, tuple(segments[len(head) :])
