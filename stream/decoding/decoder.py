"""What all decoders of encoded video share: one decoded picture, and how damage is borne."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from longwatch.errors import FrameError
from longwatch.stream.decoding.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av import Packet, VideoCodecContext, VideoFrame, VideoStream

    from longwatch.stream.chunks import Chunk, Epochs
    from longwatch.stream.limits import MediaLimits


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture, not yet converted, and what is known of its time."""

    frame: VideoFrame
    pts: float | None  # seconds on the publisher's clock
    chunk: Chunk  # that brought it


class Decoder(Protocol):
    """Decodes one epoch of pushed video."""

    def decode(self, epoch: Epochs) -> Iterator[Decoded]:
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
        stopwatch: Stopwatch | None = None,
    ) -> None:
        context.thread_count = 1  # threads over frames would delay each by as many frames
        context.options = {"max_pixels": str(limits.max_pixels)}
        self._context = context
        self._limits = limits
        self._on_damage = on_damage
        self._stopwatch = stopwatch or Stopwatch(limits.decode_s)

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
