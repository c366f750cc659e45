"""The binary messages of the wire, sans I/O: a 28-byte header, then the payload.

Network byte order::

    0  u8  version 1        (a raw JPEG starts 0xFF, PNG 0x89, WebP 0x52: both forms share a socket)
    1  u8  kind             1 image, 2 encoded chunk, 3 first chunk of a new epoch, 4 end of stream
    2  u8  flags            bit 0 key frame, 1 discontinuity, 2 captured_at is valid, 3 do not drop
    3  u8  header length/4  readers skip what they do not know
    4  u32 handle           from `lw.stream.opened`
    8  u32 sequence         wraps; acknowledged in `lw.stream.stats`
    12 u64 pts              microseconds on the stream's clock
    20 u64 captured_at      microseconds since 1970
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from longwatch.errors import ProtocolError

VERSION = 1
HEADER = struct.Struct("!BBBBIIQQ")
PROTOCOL = 1  # the integer in `session.created.session.lw.protocol`


class Kind(IntEnum):
    """What a binary message carries."""

    IMAGE = 1
    CHUNK = 2
    EPOCH = 3
    END = 4


class Flags(IntFlag):
    """Facts about one binary message."""

    NONE = 0
    KEYFRAME = 1
    DISCONTINUITY = 2
    CAPTURED_AT = 4
    DO_NOT_DROP = 8


@dataclass(frozen=True, slots=True)
class Packet:
    """One binary message."""

    kind: Kind
    handle: int
    sequence: int  # modulo 2**32
    pts_us: int
    payload: bytes = b""
    flags: Flags = Flags.NONE
    captured_at_us: int | None = None  # microseconds since 1970, when the sender knows it

    def encode(self) -> bytes:
        """Return the message's bytes."""
        flags = self.flags & ~Flags.CAPTURED_AT
        if self.captured_at_us is not None:
            flags |= Flags.CAPTURED_AT
        header = HEADER.pack(
            VERSION,
            self.kind,
            flags,
            HEADER.size // 4,
            self.handle,
            self.sequence & 0xFFFFFFFF,
            self.pts_us,
            self.captured_at_us or 0,
        )
        return header + self.payload


def decode(message: bytes) -> Packet:
    """Return the packet that `message` holds.

    Raises:
        ProtocolError: the header is cut off, of another version, or of an unknown kind.
    """
    if len(message) < HEADER.size:
        raise ProtocolError(
            f"a binary message needs a header of {HEADER.size} bytes and this one has "
            f"{len(message)} bytes in all; send a whole header before the payload",
            code="header_truncated",
        )
    version, kind, flags, words, handle, sequence, pts, captured = HEADER.unpack_from(message)
    if version != VERSION:
        raise ProtocolError(
            f"binary messages of version {version} are not known here; send version {VERSION}",
            code="protocol_unsupported",
        )
    if not HEADER.size <= words * 4 <= len(message):
        raise ProtocolError(
            f"the header says that it is {words * 4} bytes long, in a message of {len(message)}; "
            f"set byte 3 to {HEADER.size // 4}",
            code="header_truncated",
        )
    try:
        known = Kind(kind)
    except ValueError:
        raise ProtocolError(
            f"there is no binary message of kind {kind}; known: "
            + ", ".join(f"{k.value} {k.name.lower()}" for k in Kind),
            code="invalid_kind",
        ) from None
    flag = Flags(flags & 0x0F)
    return Packet(
        kind=known,
        handle=handle,
        sequence=sequence,
        pts_us=pts,
        payload=message[words * 4 :],
        flags=flag & ~Flags.CAPTURED_AT,
        captured_at_us=captured if Flags.CAPTURED_AT in flag else None,
    )


def image_format(payload: bytes) -> str | None:
    """Return `jpeg`, `png` or `webp` by the payload's first bytes, or None for anything else."""
    if payload.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if payload.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if payload[:4] == b"RIFF" and payload[8:12] == b"WEBP":
        return "webp"
    return None


def microseconds(seconds: float) -> int:
    """Return a time of a stream as it stands on the wire."""
    return round(seconds * 1e6)


def picture_url(stream: str, pts_us: int) -> str:
    """Return where the picture of a frame is, as a path of the service."""
    return f"/v1/streams/{stream}/frames/{pts_us}.jpg"
