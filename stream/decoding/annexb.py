"""Pushed H.264 and HEVC in Annex-B form, cut into chunks in any way.

What the first units of an access unit say is read without decoding it.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, cast

import av

from longwatch.errors import SourceError
from longwatch.stream.chunks import HELD
from longwatch.stream.decoding.decoder import DecodedPicture, PacketDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av import Packet, VideoCodecContext, VideoFrame, VideoStream

    from longwatch.errors import FrameError
    from longwatch.stream.chunks import Chunk, EpochReader
    from longwatch.stream.decoding.decoder import DecodeTimer
    from longwatch.stream.limits import MediaLimits

    AnyPacket = Packet[VideoStream]

START = b"\x00\x00\x01"
HEADS = {"h264": (6, 7, 8, 9), "hevc": (32, 33, 34, 35, 39)}  # kinds that precede a picture
KEYS = {"h264": (5, 7), "hevc": (16, 17, 18, 19, 20, 21, 32, 33)}  # kinds of a key frame


class Unit(NamedTuple):
    """One network abstraction layer unit, as far as its first three bytes tell."""

    kind: int
    is_slice: bool
    is_first: bool  # of its picture's slices


def is_access_unit(payload: bytes, codec: str) -> bool:
    """Tell whether `payload` begins an access unit and holds its first slice."""
    units = list(_until_slice(payload, codec))
    heads = HEADS[codec]
    return bool(units) and units[-1].is_first and all(u.kind in heads for u in units[:-1])


def is_key(payload: bytes, codec: str) -> bool:
    """Tell whether a decoder can begin at `payload`."""
    return any(unit.kind in KEYS[codec] for unit in _until_slice(payload, codec))


def _until_slice(payload: bytes, codec: str) -> Iterator[Unit]:
    """Yield the units of `payload` up to its first slice; none unless it begins with one."""
    if not payload.startswith((START, b"\x00" + START)):
        return
    at = payload.find(START)
    while at >= 0 and at + 6 <= len(payload):
        unit = _read(payload[at + 3 : at + 6], codec)
        yield unit
        if unit.is_slice:
            return
        at = payload.find(START, at + 3)


def _read(head: bytes, codec: str) -> Unit:
    if codec == "h264":
        kind = head[0] & 0x1F
        is_slice = 1 <= kind <= 5
        # first_mb_in_slice is 0 where its Exp-Golomb code begins with a set bit.
        return Unit(kind, is_slice, is_slice and bool(head[1] & 0x80))
    kind = head[0] >> 1 & 0x3F
    return Unit(kind, kind < 32, kind < 32 and bool(head[2] & 0x80))


IN_FLIGHT = 64  # packets whose picture may still come; H.264 reorders by at most 16
SURE = 3  # whole access units in a row, after which a sender is taken to send nothing else


class AnnexB:
    """Decodes one epoch of `h264` or `hevc`. A picture has the pts of the chunk it begins in.

    A parser finds where access units end, which it only knows when the next one begins. So where
    each chunk turns out to be one whole access unit, that delay of a frame is left out.
    """

    def __init__(
        self,
        codec: str,
        limits: MediaLimits,
        on_damage: Callable[[FrameError], None],
        stopwatch: DecodeTimer | None = None,
    ) -> None:
        self._codec = codec
        self._limits = limits
        self._context = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
        self._decoder = PacketDecoder(self._context, limits, on_damage, stopwatch)
        self._received = self._parsed = 0  # bytes
        self._chunks: deque[tuple[int, Chunk]] = deque()  # with the offset of its first byte
        self._owners: deque[Chunk] = deque(maxlen=IN_FLIGHT)  # of the latest packets
        self._packets = 0
        self._units = 0  # chunks in a row that were whole access units

    def decode(self, epoch: EpochReader) -> Iterator[DecodedPicture]:  # noqa: D102
        while (chunk := epoch.next()) is not None:
            self._chunks.append((self._received, chunk))
            self._received += len(chunk.payload)
            for packet in self._parse(chunk.payload):
                yield from self._decode(packet)
            if self._held() > self._limits.parse_bytes:
                raise SourceError(
                    f"no access unit ends in {self._limits.parse_bytes} bytes of {self._codec}; "
                    "send Annex-B data, with start codes",
                    code="source_corrupt",
                )
        if self._received > self._parsed:
            for packet in self._context.parse():
                yield from self._decode(packet)
        yield from self._pictures(None)

    def _held(self) -> int:
        """Return about how many bytes of memory wait for the end of an access unit."""
        return self._received - self._parsed + HELD * len(self._chunks)

    def _parse(self, payload: bytes) -> list[AnyPacket]:
        packets = self._context.parse(payload)
        self._units = self._units + 1 if is_access_unit(payload, self._codec) else 0
        if self._units >= SURE:
            packets += self._context.parse()
        return packets

    def _decode(self, packet: AnyPacket) -> Iterator[DecodedPicture]:
        while len(self._chunks) > 1 and self._chunks[1][0] <= self._parsed:
            self._chunks.popleft()
        self._parsed += packet.size
        self._owners.append(self._chunks[0][1])
        packet.pts = packet.dts = self._packets  # the decoder hands it on to the picture
        packet.time_base = Fraction(1, 1)
        self._packets += 1
        yield from self._pictures(packet)

    def _pictures(self, packet: AnyPacket | None) -> Iterator[DecodedPicture]:
        for frame in self._decoder.decode(packet):
            owner = self._owner(frame)
            yield DecodedPicture(frame, owner.pts, owner)

    def _owner(self, frame: VideoFrame) -> Chunk:
        number = self._packets - 1 if frame.pts is None else frame.pts
        first = self._packets - len(self._owners)
        return self._owners[max(0, number - first)]
