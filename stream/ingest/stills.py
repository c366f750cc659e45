"""Pushed still pictures: placed in time and thinned out before any is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import FrameError
from longwatch.stream.buffer import BoundedQueue, DropPolicy
from longwatch.stream.decoding.decoder import DecodeTimer
from longwatch.stream.sink import Drop

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from longwatch.stream.chunks import Chunk
    from longwatch.stream.limits import MediaLimits
    from longwatch.stream.sink import FramePlacement, FrameSink

BACKLOG = 64  # pictures that wait where none may be lost to a newer one


class PendingStill(NamedTuple):
    """A picture that is wanted and not decoded yet."""

    chunk: Chunk
    place: FramePlacement


class StillDecoder:
    """One publisher's pictures. They wait undecoded, as many as the buffer holds, dropped alike.

    One is decoded when the buffer has room for it, so that a flood costs no decoding.
    """

    def __init__(
        self, sink: FrameSink, decode: Callable[[bytes], NDArray[np.uint8]], limits: MediaLimits
    ) -> None:
        self.stopwatch = DecodeTimer(limits.decode_s)
        self._sink = sink
        self._abandoned = False
        self._decode = decode
        policy, capacity = sink.buffer.policy, sink.buffer.capacity
        if policy is DropPolicy.BLOCK:  # but whoever feeds must not wait
            policy, capacity = DropPolicy.DROP_NEWEST, BACKLOG
        self._waiting = BoundedQueue[PendingStill](capacity, policy)

    def put(self, chunk: Chunk) -> None:
        """Place a picture and let it wait; never blocks."""
        if chunk.epoch or chunk.discontinuity:
            self._sink.timeline.restart()
        place = self._sink.place(chunk.pts, chunk)
        if place is not None and self._waiting.put(PendingStill(chunk, place)) is not None:
            self._sink.drop(Drop.BUSY)

    def run(self) -> None:
        """Decode and emit until the end; runs on a thread of its own."""
        while self._sink.wait_room():
            waiting = self._waiting.get()
            if waiting is None or self._sink.stopped.is_set():
                return
            try:
                with self.stopwatch.running():
                    image = self._decode(waiting.chunk.payload)
            except FrameError as error:
                if self._abandoned:
                    return
                reason = Drop.SIZE if error.code == "frame_too_large" else Drop.DECODE
                self._sink.drop(reason, error)
            else:
                self._sink.emit(image, waiting.place, waiting.chunk)

    def end(self) -> None:
        """Take no more; what waits is still decoded, unless the sink is stopped."""
        self._waiting.close()

    def abandon(self) -> None:
        """Give up a decoder that hangs: whenever it comes back, nothing is heard of it."""
        self._abandoned = True
        self._waiting.close()
        while self._waiting.get_nowait() is not None:
            self._sink.drop(Drop.LATE)
