"""What all decoders of video share: the decoded picture, its pixels, the time limit, damage.

No thread can interrupt another one's decoding; `DecodeTimer` lets it see how long that takes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from av.video.reformatter import VideoReformatter

from longwatch.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av import Packet, VideoCodecContext, VideoFrame, VideoStream
    from numpy.typing import NDArray

    from longwatch.stream.chunks import Chunk, EpochReader
    from longwatch.stream.limits import MediaLimits


class DecodeTimer:
    """Times what one thread decodes, a picture or packet at a time; any thread may look.

    `limit` is in seconds of real time, above zero.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._begun: float | None = None

    @property
    def overdue(self) -> bool:
        """Whether something is being decoded now that has taken longer than the limit."""
        begun = self._begun
        return begun is not None and time.monotonic() - begun > self.limit

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time what is done inside.

        Raises:
            FrameError: it is done, and took too long (`decode_timeout`).
        """
        begun = self._begun = time.monotonic()
        try:
            yield
        finally:
            self._begun = None
        if time.monotonic() - begun > self.limit:
            raise too_slow(self.limit)


def too_slow(limit: float) -> FrameError:
    """Return the error for a picture or packet that took longer than `limit` seconds."""
    return FrameError(
        f"a picture took more than {limit:g} s to decode and was left out; send it smaller, or "
        "encoded in a simpler way",
        code="decode_timeout",
    )


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded picture, not yet converted, and what is known of its time."""

    frame: VideoFrame
    pts: float | None  # seconds on the publisher's clock
    chunk: Chunk  # that brought it


class Decoder(Protocol):
    """Decodes one epoch of pushed video."""

    def decode(self, epoch: EpochReader) -> Iterator[DecodedPicture]:
        """Yield the pictures of the epoch, in order of presentation, as its chunks come.

        Raises:
            SourceError: the epoch is broken; what was yielded so far is good.
        """
        ...


class PacketDecoder:
    """Decodes packets of one bitstream, and drops what is damaged.

    `on_damage` is called for each packet that cannot be decoded, or takes too long, and for each
    damaged picture. `stopwatch` lets others see that one takes too long.
    """

    def __init__(
        self,
        context: VideoCodecContext,
        limits: MediaLimits,
        on_damage: Callable[[FrameError], None],
        stopwatch: DecodeTimer | None = None,
    ) -> None:
        context.thread_count = 1  # threads over frames would delay each by as many frames
        context.options = {"max_pixels": str(limits.max_pixels)}
        self._context = context
        self._limits = limits
        self._on_damage = on_damage
        self._stopwatch = stopwatch or DecodeTimer(limits.decode_s)

    def decode(self, packet: Packet[VideoStream] | None) -> Iterator[VideoFrame]:
        """Yield the good pictures that `packet` completes; None flushes the decoder."""
        try:
            with self._stopwatch.running():
                frames = self._context.decode(packet)
        except FrameError as slow:
            self._on_damage(slow)
            return
        except Exception as error:  # noqa: BLE001  libav's bindings raise many types at damaged data
            self._on_damage(
                FrameError(
                    f"a piece of video cannot be decoded ({type(error).__name__}); it is damaged, "
                    f"begins between key frames, or has more than {self._limits.max_pixels} pixels"
                )
            )
            return
        for frame in frames:
            if frame.is_corrupt:
                self._on_damage(FrameError("a picture came out damaged and was left out"))
            else:
                yield frame


class Converter:
    """Converts the frames of one stream; it keeps the scaler from frame to frame."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return `frame` as (height, width, 3) RGB, turned as its metadata says."""
        pixels = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        turns = round(frame.rotation / 90) % 4  # counterclockwise
        return np.ascontiguousarray(np.rot90(pixels, turns), dtype=np.uint8)
