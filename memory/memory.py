"""One stream's memory: one thread writes it, any thread may look at it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.memory.context import Draft
from longwatch.types import MemoryStats

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.memory.base import Policy, Rope
    from longwatch.memory.segment import Segment


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What a memory held at one moment. Nothing that is read later can change it."""

    segments: tuple[Segment, ...]
    frames_seen: int
    tokens_seen: int

    @property
    def times(self) -> list[float]:
        """Stream times of the frames held, in seconds, oldest first."""
        return [s.time for s in self.segments if s.time is not None]

    @property
    def as_of(self) -> float | None:
        """Stream time of the newest frame held, in seconds; None before the first."""
        times = self.times
        return times[-1] if times else None

    def until(self, time: float) -> Snapshot:
        """Return the same without the frames after `time`, in seconds on the stream's clock."""
        text = len(self.segments) - len(self.times)
        end = text + bisect_right(self.times, time)
        return Snapshot(self.segments[:end], self.frames_seen, self.tokens_seen)


class Memory:
    """Segments of one stream, under a policy that says which of them stay.

    A read is a draft until it is committed: a frame becomes visible whole or not at all. All that
    others see is one reference to an immutable snapshot, replaced by each commit.
    """

    def __init__(self, policy: Policy, rope: Rope) -> None:
        self.policy = policy
        self._rope = rope
        self._state = Snapshot((), 0, 0)
        self._draft: Draft | None = None

    def snapshot(self) -> Snapshot:
        """Return what is held now, in constant time, from any thread."""
        return self._state

    def begin(self, positions: Tensor, time: float | None, advance: int | None = None) -> Draft:
        """Return the context in which the model reads n new tokens.

        `positions` is (axes, n) int64, counted from the segment's start; `time` is in seconds on
        the stream's clock, None for text that opens the stream.
        """
        if self._draft is not None:
            raise RuntimeError("a read is under way; commit or roll it back first")
        last = self._state.as_of
        if last is not None and (time is None or time < last):
            raise ValueError(f"a frame at {time} s cannot follow one at {last} s")
        self._draft = Draft(
            self._state.segments, self._rope, positions=positions, time=time, advance=advance
        )
        return self._draft

    def commit(self) -> Segment:
        """Keep what was read since `begin`, and let go of what the policy no longer wants."""
        if self._draft is None:
            raise RuntimeError("there is nothing to commit")
        segment = self._draft.segment()
        state = self._state
        self._state = Snapshot(
            self.policy.retain((*state.segments, segment)),
            state.frames_seen + (segment.time is not None),
            state.tokens_seen + len(segment),
        )
        self._draft = None
        return segment

    def rollback(self) -> None:
        """Drop what was read since `begin`, if anything was."""
        self._draft = None

    def stats(self) -> MemoryStats:
        """Return sizes, from any thread, without touching the device."""
        state = self._state
        times = state.times
        return MemoryStats(
            frames_seen=state.frames_seen,
            tokens_seen=state.tokens_seen,
            frames_stored=len(times),
            tokens_stored=sum(map(len, state.segments)),
            device_bytes=sum(s.nbytes for s in state.segments),
            oldest_time=times[0] if times else None,
            newest_time=times[-1] if times else None,
        )
