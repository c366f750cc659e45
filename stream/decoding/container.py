"""Pushed video in a container: fragmented MP4, WebM, MPEG-TS, cut into chunks in any way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

from longwatch.errors import LongwatchError, SourceError
from longwatch.stream.decoding.decoder import DecodedPicture, PacketDecoder
from longwatch.stream.decoding.images import check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av import VideoStream
    from av.container import InputContainer

    from longwatch.errors import FrameError
    from longwatch.stream.chunks import EpochReader
    from longwatch.stream.decoding.decoder import DecodeTimer
    from longwatch.stream.limits import MediaLimits

DEMUXERS = {"mp4": "mp4", "webm": "matroska", "mpegts": "mpegts"}
BEFORE_INDEX = (b"ftyp", b"moov", b"free", b"skip", b"wide", b"uuid", b"pdin")  # boxes of an MP4


class Container:
    """Decodes one epoch of `mp4`, `webm` or `mpegts`, all of it on the thread that iterates.

    Times count from the epoch's first picture, which has the pts of the epoch's first chunk.
    """

    def __init__(
        self,
        form: str,
        limits: MediaLimits,
        on_damage: Callable[[FrameError], None],
        stopwatch: DecodeTimer | None = None,
    ) -> None:
        self._form = form
        self._limits = limits
        self._on_damage = on_damage
        self._stopwatch = stopwatch

    def decode(self, epoch: EpochReader) -> Iterator[DecodedPicture]:  # noqa: D102
        pipe = Pipe(epoch, self._limits)
        pipe.gather(HEADS[self._form])
        if pipe.is_empty:
            return
        if not begins(self._form, pipe.peek()):
            raise self._broken("no start of it")
        try:
            with self._open(pipe) as container:
                yield from self._pictures(container, pipe)
        except LongwatchError:
            raise
        except Exception as error:  # noqa: BLE001  libav's bindings raise many types at damaged data
            raise self._broken(type(error).__name__) from None

    def _broken(self, why: str) -> SourceError:
        return SourceError(
            f"the {self._form} data cannot be read ({why}); begin a new epoch, and send it "
            "from its start, in order and, if MP4, fragmented",
            code="source_corrupt",
        )

    def _open(self, pipe: Pipe) -> InputContainer:
        return av.open(
            pipe,
            "r",
            format=DEMUXERS[self._form],
            options={
                "probesize": str(self._limits.probe_bytes),
                "analyzeduration": "0",
                "fpsprobesize": "0",  # or the first frame waits for the twentieth
            },
            buffer_size=65536,
        )

    def _pictures(self, container: InputContainer, pipe: Pipe) -> Iterator[DecodedPicture]:
        stream = video_stream(container, f"the {self._form} data")
        check_size(stream.codec_context.width, stream.codec_context.height, self._limits)
        told = (self._limits, self._on_damage, self._stopwatch)
        decoder = PacketDecoder(stream.codec_context, *told)
        base = pipe.first.pts or 0.0
        origin: float | None = None
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                if frame.pts is None:
                    yield DecodedPicture(frame, None, pipe.chunk)
                    continue
                origin = frame.time if origin is None else origin
                yield DecodedPicture(frame, base + frame.time - origin, pipe.chunk)


class Pipe:
    """Gives the chunks of one epoch to libav, which sees a file that cannot be sought in."""

    def __init__(self, epoch: EpochReader, limits: MediaLimits) -> None:
        self._epoch = epoch
        self._limits = limits
        self._rest = memoryview(b"")
        self._ended = False
        chunk = epoch.next()
        if chunk is None:
            raise SourceError("an epoch began without a chunk", code="source_corrupt")
        self.first = self.chunk = chunk
        self._rest = memoryview(chunk.payload)

    @property
    def is_empty(self) -> bool:
        """Whether the epoch ended, and all of it was read."""
        return self._ended and not self._rest

    def peek(self) -> bytes:
        """Return the first of the next bytes, without waiting."""
        return bytes(self._rest[:8])

    def gather(self, enough: Callable[[bytes | bytearray], bool]) -> None:
        """Wait until the next bytes are `enough`, so that one read can give them all.

        Raises:
            SourceError: nothing came for too long (`source_stalled`).
        """
        head = bytearray(self._rest)
        while not enough(head) and len(head) <= self._limits.probe_bytes and self._advance():
            head += self._rest
        self._rest = memoryview(bytes(head))

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, waiting for the first; none at the end of the epoch.

        Raises:
            SourceError: nothing came for too long (`source_stalled`).
        """
        while not self._rest and self._advance():
            pass
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data

    def _advance(self) -> bool:
        """Wait for the next chunk; False at the end of the epoch, however often it is asked."""
        chunk = None if self._ended else self._epoch.next(self._limits.idle_s)
        if chunk is None:
            self._ended = True
            self._rest = memoryview(b"")
            return False
        self.chunk = chunk
        self._rest = memoryview(chunk.payload)
        return True


def has_index(head: bytes | bytearray) -> bool:
    """Tell whether an MP4 file that begins with `head` has given its index, or gives none first.

    libav goes back while it reads the index, which a pipe only allows within one read.
    """
    at = 0
    while at + 8 <= len(head):
        size, kind = int.from_bytes(head[at : at + 4]), head[at + 4 : at + 8]
        if kind not in BEFORE_INDEX or size < 8:
            return True
        at += size
        if kind == b"moov" and at <= len(head):
            return True
    return False


def video_stream(container: InputContainer, what: str) -> VideoStream:
    """Return the first video track that can be decoded here.

    Raises:
        SourceError: there is none, or none with a known codec (`source_codec_unsupported`).
    """
    if not container.streams.video:
        raise SourceError(f"{what} has no video track; choose another", code="source_no_video")
    for stream in container.streams.video:
        if stream.codec_context is not None:
            return stream
    raise SourceError(
        f"{what} holds video that cannot be decoded here; convert it to H.264",
        code="source_codec_unsupported",
    )


def begins(form: str, head: bytes) -> bool:
    """Tell whether data that begin with `head` can be read from there."""
    if form == "mp4":
        return head[4:8] in BEFORE_INDEX
    return form != "webm" or head.startswith(b"\x1a\x45\xdf\xa3")


# What must have come before the first read.
HEADS: dict[str, Callable[[bytes | bytearray], bool]] = {
    "mp4": has_index,
    "webm": lambda head: len(head) >= 4,
    "mpegts": lambda head: len(head) > 0,
}
