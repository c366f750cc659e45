"""One publisher's way into a stream: bytes in any of the known formats -> frames in the buffer."""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from longwatch.errors import ClosedError, ConfigError, FrameError, InputError
from longwatch.registry import lookup
from longwatch.stream.chunks import Chunk
from longwatch.stream.decoding.decoder import too_slow
from longwatch.stream.decoding.images import check_size, decode_image, too_large
from longwatch.stream.ingest.stills import StillDecoder
from longwatch.stream.ingest.video import VideoDecoder
from longwatch.stream.sink import Counters, Drop, FrameSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from longwatch.errors import LongwatchError
    from longwatch.stream.buffer import LatestBuffer
    from longwatch.stream.limits import MediaLimits
    from longwatch.stream.timeline import Timeline

# `image` and its three names are the same: what a picture is, its first bytes tell.
FORMATS: dict[str, type[StillDecoder | VideoDecoder]] = {
    "image": StillDecoder,
    "jpeg": StillDecoder,
    "png": StillDecoder,
    "webp": StillDecoder,
    "raw_rgb": StillDecoder,
    "h264": VideoDecoder,
    "hevc": VideoDecoder,
    "mp4": VideoDecoder,
    "webm": VideoDecoder,
    "mpegts": VideoDecoder,
}
LATEST = 1e10  # seconds; no clock of a publisher says more
MOST_HUNG = 2  # decoders of one publisher that are left to themselves at once
STOP = 10.0  # seconds to wait for the worker at `close`; it looks at the flag between pictures


class Ingest:
    """Decodes what one publisher sends, on one thread of its own.

    `form` is one of `FORMATS`; `raw_rgb` needs `size`, (width, height), for its (height, width, 3)
    bytes. Faults of the data are handed to `on_fault`, at most one a second of each code, on
    whichever thread finds them; they never end the ingest. A decoder that takes too long over a
    picture is left to itself, as nothing can interrupt it, and another thread goes on.
    """

    def __init__(
        self,
        form: str,
        *,
        fps: float | None,
        limits: MediaLimits,
        buffer: LatestBuffer,
        timeline: Timeline,
        on_fault: Callable[[LongwatchError], None],
        size: tuple[int, int] | None = None,
    ) -> None:
        """Begin.

        Raises:
            ConfigError: no such format, or a size that is missing, not needed or too large.
        """
        kind = lookup(FORMATS, form, "format")
        if (size is not None) != (form == "raw_rgb"):
            raise ConfigError(
                "raw_rgb needs a width and a height; other formats bring their own", param="size"
            )
        self.form = form
        self._limits = limits
        self._sink = FrameSink(fps, buffer, timeline, on_fault)
        self._decode = (
            partial(decode_image, limits=limits) if size is None else _raw_decoder(size, limits)
        )
        self._is_video = kind is VideoDecoder
        timeline.restart()
        self._lock = threading.RLock()  # keeps what several threads feed in one order
        self._ended = False
        self._hung: list[threading.Thread] = []
        self._begin()

    @property
    def counters(self) -> Counters:
        """What was received, emitted, and dropped by reason, so far."""
        return self._sink.counters()

    def feed(
        self,
        payload: bytes,
        pts: float | None = None,
        *,
        epoch: bool = False,
        discontinuity: bool = False,
        captured_at: float | None = None,
    ) -> None:
        """Take one picture or chunk; returns at once, from any thread.

        Args:
            payload: one whole picture, or any piece of a bitstream.
            pts: presentation time in seconds on the publisher's clock; None takes the arrival.
                Of a chunk in a container only the first one's of an epoch counts.
            epoch: a new bitstream begins here.
            discontinuity: the publisher's clock breaks here.
            captured_at: seconds since 1970.

        Raises:
            ClosedError: the ingest was ended or closed, or the buffer was.
        """
        arrived = time.monotonic()
        self._sink.receive()
        if len(payload) > self._limits.max_message_bytes:
            limit = f"{self._limits.max_message_bytes} bytes"
            self._sink.drop(Drop.SIZE, too_large(f"{len(payload)} bytes", limit))
            return
        chunk = Chunk(payload, self._checked(pts), arrived, captured_at, epoch, discontinuity)
        with self._lock:
            if self._ended or self._sink.buffer.closed:
                raise ClosedError("this stream takes no more frames; open it again to push more")
            if not self._way.stopwatch.overdue or self._replace():
                self._way.put(chunk)

    def end(self) -> None:
        """Take no more, and let what was fed come out; returns at once (see `join`)."""
        with self._lock:
            self._ended = True
            self._way.end()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything came out after `end`; False after `timeout` seconds."""
        if self._worker is not threading.current_thread():
            self._worker.join(timeout)
        return not self._worker.is_alive()

    def close(self) -> None:
        """Drop what was not decoded yet and stop the thread. Calling it again does nothing."""
        self._sink.stopped.set()
        self.end()
        self.join(STOP)

    def _begin(self, *, resuming: bool = False) -> None:
        """Begin to decode on a new thread, in the midst of the data when `resuming`."""
        self._way: StillDecoder | VideoDecoder
        if self._is_video:
            self._way = VideoDecoder(self.form, self._limits, self._sink, resuming=resuming)
        else:
            self._way = StillDecoder(self._sink, self._decode, self._limits)
        name = f"ingest-{self.form}"
        self._worker = threading.Thread(target=self._run, args=(self._way,), name=name, daemon=True)
        self._worker.start()

    def _replace(self) -> bool:
        """Put another decoder in the place of one that hangs; False where too many hang already."""
        self._sink.drop(Drop.DECODE, too_slow(self._limits.decode_s))
        self._hung = [thread for thread in self._hung if thread.is_alive()]
        if len(self._hung) >= MOST_HUNG:
            return False
        self._way.abandon()
        self._hung.append(self._worker)
        self._begin(resuming=True)
        return True

    def _run(self, way: StillDecoder | VideoDecoder) -> None:
        try:
            way.run()
        except ClosedError:  # the stream went away; nobody is left to tell
            self.end()

    def _checked(self, pts: float | None) -> float | None:
        if pts is None or (math.isfinite(pts) and abs(pts) <= LATEST):
            return pts
        self._sink.report(
            InputError(
                f"a pts of {pts} s cannot be true, so the time of arrival stands in for it; send "
                "seconds since the stream began, or since 1970",
                param="pts",
            )
        )
        return None


def _raw_decoder(
    size: tuple[int, int], limits: MediaLimits
) -> Callable[[bytes], NDArray[np.uint8]]:
    width, height = size
    if width < 1 or height < 1:
        raise ConfigError(f"a picture cannot measure {width}x{height}", param="size")
    check_size(width, height, limits)

    def decode(payload: bytes) -> NDArray[np.uint8]:
        if len(payload) != width * height * 3:
            raise FrameError(
                f"a raw picture of {width}x{height} has {width * height * 3} bytes and this one "
                f"{len(payload)}; send whole pictures of 3 bytes a pixel"
            )
        return np.frombuffer(payload, np.uint8).reshape(height, width, 3).copy()

    return decode
