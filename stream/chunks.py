"""What publishers sent and no decoder has seen yet: bounded, cut into epochs."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable


HELD = 512  # bytes that a chunk takes besides its payload, about


@dataclass(frozen=True, slots=True)
class Chunk:
    """One message of a publisher."""

    payload: bytes
    pts: float | None  # seconds on the publisher's clock
    arrived: float  # `time.monotonic()`
    captured_at: float | None = None  # seconds since 1970 at the sender
    epoch: bool = False  # begins a new bitstream
    discontinuity: bool = False  # the clock breaks here

    @property
    def cost(self) -> int:
        """Bytes of memory that it takes, so that a flood of tiny ones is bounded, too."""
        return len(self.payload) + HELD


class ChunkQueue:
    """Chunks in order, up to a number of bytes; one that does not fit is refused at once.

    One chunk always fits.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, chunk: Chunk) -> bool:
        """Put `chunk` in and return True, or return False when there is no room for it."""
        with self._changed:
            full = bool(self._chunks) and self._bytes + chunk.cost > self.max_bytes
            if self._closed or full:
                return False
            self._chunks.append(chunk)
            self._bytes += chunk.cost
            self._changed.notify_all()
            return True

    def get(self, timeout: float | None = None) -> Chunk | None:
        """Wait for the oldest chunk and take it; None at the end.

        Raises:
            TimeoutError: nothing came for `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._chunks or self._closed, timeout):
                raise TimeoutError(f"nothing came for {timeout} s")
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._bytes -= chunk.cost
            return chunk

    def close(self, *, drop: bool = False) -> None:
        """Take no more chunks; those inside are still given, unless they are dropped."""
        with self._changed:
            self._closed = True
            if drop:
                self._chunks.clear()
                self._bytes = 0
            self._changed.notify_all()


class EpochReader:
    """Reads a queue of chunks one epoch at a time, as decoders want it."""

    def __init__(self, queue: ChunkQueue, on_break: Callable[[], None]) -> None:
        self._queue = queue
        self._on_break = on_break
        self._ahead: Chunk | None = None  # the first chunk of the next epoch
        self._began = True  # the first chunk of this epoch was given

    def begin(self, accepts: Callable[[Chunk], bool], on_skip: Callable[[], None]) -> bool:
        """Wait for a chunk that can begin an epoch and stand before it; False at the end.

        `accepts` tells whether a chunk can; `on_skip` is called for each one that cannot.
        """
        while True:
            chunk = self._ahead or self._queue.get()
            self._ahead = None
            if chunk is None:
                return False
            if chunk.epoch or accepts(chunk):
                self._ahead = chunk
                self._on_break()
                self._began = False
                return True
            on_skip()

    def next(self, idle: float | None = None) -> Chunk | None:
        """Return the next chunk of the epoch, or None at its end.

        Raises:
            SourceError: nothing came for `idle` seconds (`source_stalled`).
        """
        if not self._began:
            self._began = True
            chunk, self._ahead = self._ahead, None
            return chunk
        if self._ahead is not None:
            return None
        try:
            chunk = self._queue.get(idle)
        except TimeoutError:
            raise SourceError(
                f"nothing came for {idle} s in the middle of a piece of video; begin a new epoch",
                code="source_stalled",
            ) from None
        if chunk is not None and chunk.epoch:
            self._ahead = chunk
            return None
        if chunk is not None and chunk.discontinuity:
            self._on_break()
        return chunk
