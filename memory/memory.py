"""One stream's memory: one thread writes it, any thread may look at it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from longwatch.memory.archive import Archive
from longwatch.memory.base import Trace
from longwatch.memory.context import Context, Draft
from longwatch.memory.gaze import Gaze
from longwatch.memory.hot import hot_bytes, hot_for
from longwatch.memory.newest import newest
from longwatch.memory.pruned import drafting
from longwatch.memory.rating import RatedDraft
from longwatch.memory.recall import Recaller
from longwatch.memory.sealed import Shape
from longwatch.types import MemoryStats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from longwatch.memory.base import Policy, Rope
    from longwatch.memory.keeper import Keeper
    from longwatch.memory.need import Disk, Need
    from longwatch.memory.pruned import Pruning
    from longwatch.memory.segment import Segment
    from longwatch.memory.view import View


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What a memory held at one moment. Nothing that is read later can change it."""

    segments: tuple[Segment, ...]  # at hand
    frames_seen: int
    tokens_seen: int
    policy: Policy
    view: View | None = None  # of what is sealed; no frame is both here and at hand

    @property
    def times(self) -> list[float]:
        """Stream times of the frames at hand, in seconds, oldest first."""
        return [s.time for s in self.segments if s.time is not None]

    @property
    def as_of(self) -> float | None:
        """Stream time of the newest frame held, in seconds; None before the first."""
        newest = self.segments[-1].time if self.segments else None
        sealed = None
        if self.view is not None and (newest is None or newest < self.view.first_time):
            sealed = self.view.last_time()
        return newest if sealed is None else sealed

    def until(self, time: float) -> Snapshot:
        """Return the same without the frames after `time`, in seconds on the stream's clock.

        Where a policy keeps only something of many frames in one segment, that segment is left
        out if the newest of them is after `time`.
        """
        text = len(self.segments) - len(self.times)
        end = text + bisect_right(self.times, time)
        view = self.view and self.view.between(until=time)
        return replace(self, segments=self.segments[:end], view=view)

    def between(self, since: float, until: float) -> Snapshot:
        """Return it with recall limited to some seconds of the stream; what is at hand stays."""
        return replace(self, view=self.view and self.view.between(since, until))

    def context(
        self, rope: Rope, *, room: int, recall: bool = True, need: Need | None = None
    ) -> Context:
        """Return the context of an answer with room for so many tokens, the question's included.

        Without `recall` it has only what every layer sees. `need` is that of the context before,
        where blocks were missing, so that the answer is read again. Only the model's thread may
        run passes with it.
        """
        segments, recaller = self.segments, None
        if self.policy.recalling is not None:
            if recall:
                recaller = Recaller(self.policy, self.view, need)
            else:
                loose = self.policy.loose(segments)
                segments = tuple(s for i, s in enumerate(segments) if i not in loose)
        context = Context(segments, rope, room=room, recall=recaller)
        context.gaze = Gaze()
        return context


class Memory:
    """Segments of one stream, under a policy that says which of them stay.

    A read is a draft until it is committed: a frame becomes visible whole or not at all. All that
    others see is one reference to an immutable snapshot, replaced by each commit. A frame leaves
    the segments at hand in the same commit in which its sealed form appears.
    """

    def __init__(self, policy: Policy, rope: Rope) -> None:
        self.policy = policy
        self.archive: Archive | None = None  # made when the first frame leaves the window
        self.keeper: Keeper | None = None  # who writes down what changes
        self.disk: Disk | None = None  # where blocks are besides, if RAM need not hold all
        self.grown: Callable[[], None] | None = None  # called after each block that is sealed
        self.pruning: Pruning | None = None  # what drops tokens of a frame as it is read
        self.hot_bytes = 0  # of decoded blocks that stay on the device for the next answer
        self._rope = rope
        self._state = Snapshot((), 0, 0, policy)
        self._draft: Draft | None = None

    def snapshot(self) -> Snapshot:
        """Return what is held now, in constant time, from any thread."""
        return self._state

    def begin(
        self,
        positions: Tensor,
        time: float | None,
        advance: int | None = None,
        visual: Tensor | None = None,
    ) -> Draft:
        """Return the context in which the model reads n new tokens.

        `positions` is (axes, n) int64, counted from the segment's start; `time` is in seconds on
        the stream's clock, None for text that opens the stream. Where there is `pruning`, the
        tokens at `visual`, (n,) bool, are what it may drop.
        """
        if self._draft is not None:
            raise RuntimeError("a read is under way; commit or roll it back first")
        last = self._state.as_of
        if last is not None and (time is None or time < last):
            raise ValueError(f"a frame at {time} s cannot follow one at {last} s")
        self._draft = self._drafting(visual, time)(
            self._state.segments,
            self._rope,
            positions=positions,
            time=time,
            advance=advance,
            traced=self.policy.traced,
            recall=newest(self.archive),
        )
        return self._draft

    def _drafting(self, visual: Tensor | None, time: float | None) -> Callable[..., Draft]:
        """Return what makes the draft of a frame, or of text where `time` is None."""
        made = drafting(self.pruning, visual)
        return RatedDraft if made is Draft and self.policy.rated and time is not None else made

    def commit(self) -> Segment:
        """Keep what was read since `begin`, and let go of what the policy no longer wants."""
        if self._draft is None:
            raise RuntimeError("there is nothing to commit")
        trace = Trace(self._draft.queries()) if self.policy.traced else None
        return self.put(self._draft.segment(), trace)

    def put(self, segment: Segment, trace: Trace | None = None) -> Segment:
        """Keep a segment that was read elsewhere, as the newest; return it with its number."""
        state, text = self._state, segment.time is None
        segment = replace(segment, index=-1 if text else state.frames_seen)
        every = (*state.segments, segment)
        segments = self._seal(every, self.policy.retain(every, trace))
        self._state = Snapshot(
            segments,
            state.frames_seen + (not text),
            state.tokens_seen + len(segment),
            self.policy,
            None if self.archive is None else self.archive.view(),
        )
        self._draft = None
        if self.keeper is not None:
            self.keeper.commit(self._state, self.archive)
        return segment

    def restore(
        self,
        segments: tuple[Segment, ...],
        frames_seen: int,
        tokens_seen: int,
        archive: Archive | None,
    ) -> None:
        """Go on from what a memory with the same policy once held; before anything is read."""
        view = None if archive is None else archive.view()
        self.archive = archive
        if archive is not None:
            self._begin(archive)
        self._state = Snapshot(segments, frames_seen, tokens_seen, self.policy, view)

    def keep(self, keeper: Keeper, disk: Disk | None = None) -> None:
        """Let `keeper` learn of all that changes from now on; what it wrote, `disk` has.

        An archive that is there already has its own.
        """
        self.keeper, self.disk = keeper, disk
        if self.archive is not None:
            self.archive.told = keeper.told

    def publish(self) -> None:
        """Show what became of the archive since the last commit; on the thread that writes."""
        if self.archive is not None:
            self._state = replace(self._state, view=self.archive.view())
            if self.keeper is not None:
                self.keeper.commit(self._state, self.archive)

    def rollback(self) -> None:
        """Drop what was read since `begin`, if anything was."""
        self._draft = None

    def stats(self) -> MemoryStats:
        """Return sizes, from any thread, without touching the device."""
        state, archive = self._state, self.archive
        oldest = [s.start for s in state.segments if s.start is not None][:1]
        return MemoryStats(
            frames_seen=state.frames_seen,
            tokens_seen=state.tokens_seen,
            frames_stored=sum(s.frames for s in state.segments),
            tokens_stored=sum(map(len, state.segments)),
            device_bytes=sum(s.nbytes for s in state.segments) + hot_bytes(archive),
            oldest_time=oldest[0] if oldest else None,
            newest_time=state.as_of,
            sealed_tokens=0 if archive is None else archive.tokens,
            archive_bytes=0 if archive is None else archive.nbytes,
            rungs=() if archive is None else tuple(archive.rungs()),
            host_bytes=0 if archive is None else archive.tier.used_bytes,
            away_bytes=0 if archive is None else sum(archive.tier.away_bytes),
            lost_blocks=0 if archive is None else archive.tier.losses,
            origin_bytes=sum(s.kept.nbytes for s in state.segments if s.kept is not None),
        )

    def _begin(self, archive: Archive) -> None:
        archive.grown, archive.hot = self.grown, hot_for(archive, self.hot_bytes)

    def _seal(self, every: Sequence[Segment], kept: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """Seal what left; return what is at hand, with the frames that do not fill a block yet."""
        sealing, recalling, stay = self.policy.sealing, self.policy.recalling, set(map(id, kept))
        if sealing is None or recalling is None:
            return kept
        gone = [s for s in every if id(s) not in stay]
        if not gone:
            return kept
        if sealing.thinning is not None:
            gone = [sealing.thinning.thin(frame) for frame in gone]
        if self.archive is None:
            tokens = sealing.block_tokens or max(sealing.least_tokens, len(gone[0]))
            told = None if self.keeper is None else self.keeper.told
            shape = Shape.of(gone[0])
            self.archive = Archive(sealing, recalling.scorer, shape, tokens, told, self.disk)
            self._begin(self.archive)
        waiting = gone[self.archive.seal(gone) :]
        if not waiting:
            return kept
        before = sum(s.index < waiting[0].index for s in kept)
        return (*kept[:before], *waiting, *kept[before:])
