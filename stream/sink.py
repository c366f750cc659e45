"""Where all ways in meet: place a picture in time, count what is lost, hand on what is not."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from longwatch.stream.sampler import Sampler
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from longwatch.errors import LongwatchError
    from longwatch.stream.buffer import LatestBuffer
    from longwatch.stream.chunks import Chunk
    from longwatch.stream.timeline import Timeline

QUIET = 1.0  # seconds between two reports of faults with the same code
POLL = 0.05  # seconds; how often one who waits for room looks whether to stop


class Drop(StrEnum):
    """Why a picture, or a message, was lost."""

    BUSY = "busy"  # the buffer was full
    RATE = "rate"  # another picture had its slot
    LATE = "late"  # newer ones were seen, or the decoder could not keep up
    DECODE = "decode"  # it was damaged
    SIZE = "size"  # it was too large


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of what a publisher sent."""

    received: int  # messages
    emitted: int  # frames that went into the buffer
    dropped: Mapping[Drop, int]  # each reason, also those that never came up


class FramePlacement(NamedTuple):
    """Where a picture stands in its stream."""

    time: float  # seconds on the stream's clock
    number: int  # of the frame


class FrameSink:
    """Takes one publisher's pictures. One thread places them and one emits them."""

    def __init__(
        self,
        fps: float | None,
        buffer: LatestBuffer,
        timeline: Timeline,
        on_fault: Callable[[LongwatchError], None],
    ) -> None:
        self.buffer = buffer
        self.timeline = timeline
        self.stopped = threading.Event()
        self._sampler = Sampler(fps)
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._received = self._emitted = 0
        self._dropped: Counter[Drop] = Counter()
        self._reported: dict[str, float] = {}  # code -> when

    def counters(self) -> Counters:
        """Return what has been counted so far."""
        with self._lock:
            dropped = {reason: self._dropped[reason] for reason in Drop}
            return Counters(self._received, self._emitted, dropped)

    def receive(self) -> None:
        """Count a message."""
        with self._lock:
            self._received += 1

    def drop(self, reason: Drop, fault: LongwatchError | None = None) -> None:
        """Count a loss, and report it as `fault`."""
        with self._lock:
            self._dropped[reason] += 1
        if fault is not None:
            self.report(fault)

    def report(self, fault: LongwatchError) -> None:
        """Hand `fault` on, unless one with the same code was handed on a moment ago."""
        now = time.monotonic()
        with self._lock:
            if now - self._reported.get(fault.code, -QUIET) < QUIET:
                return
            self._reported[fault.code] = now
        self._on_fault(fault)

    def place(self, pts: float | None, chunk: Chunk) -> FramePlacement | None:
        """Return where the picture at `pts` stands, or None, counted, when it is not wanted."""
        at = self.timeline.stamp(pts, chunk.arrived)
        if at is None:
            self.drop(Drop.LATE)
            return None
        if not self._sampler.take(at):
            self.drop(Drop.RATE)
            return None
        return FramePlacement(at, self.timeline.number())

    def wait_room(self) -> bool:
        """Wait until a frame can be emitted without losing one; False when stopped meanwhile."""
        while not self.stopped.is_set():
            if self.buffer.wait_room(POLL):
                return not self.buffer.closed
        return False

    def emit(self, image: NDArray[np.uint8], place: FramePlacement, chunk: Chunk) -> None:
        """Put a frame into the buffer.

        Raises:
            ClosedError: the buffer was closed.
        """
        at = (chunk.captured_at, chunk.arrived, time.monotonic())
        frame = Frame(image, place.time, place.number, *at)
        if chunk.captured_at is not None:
            self.timeline.origin = chunk.captured_at - place.time
        lost = self.buffer.put(frame)
        with self._lock:
            self._emitted += lost is not frame
            self._dropped[Drop.BUSY] += lost is not None
