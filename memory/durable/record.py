"""One record of a log on disk: a header, and a body that nobody here looks into.

The header's sum covers where the record stands (file and offset), the header and the body's sum.
So a record that lies elsewhere, such as a copy inside another one's body, is never taken for one.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMAT = b"LONGWATCH LOG "
TITLE = FORMAT + b"1\n"  # what every file begins with
MAGIC = b"\xabLW\n"
HEAD = struct.Struct("<4sIIIQq")  # magic, sum, body's sum, kind, body's length in bytes, id
SUMMED = 8  # where the part of the header begins that its sum covers
SEED = struct.Struct("<QQ")  # file, offset


class Place(NamedTuple):
    """Where a record is."""

    file: int
    offset: int  # of its header, in bytes
    length: int  # of its body, in bytes


class Record(NamedTuple):
    """What was written."""

    place: Place
    kind: int
    id: int
    body: memoryview

    @property
    def end(self) -> int:
        """Return the offset of what comes next."""
        return self.place.offset + HEAD.size + self.place.length


def is_later(data: bytes) -> bool:
    """Tell whether a file is in a format that a later version made."""
    return data.startswith(FORMAT) and data[: len(TITLE)] != TITLE and len(data) >= len(TITLE)


def flat(parts: Sequence[object]) -> list[memoryview]:
    """Return buffers as bytes, empty ones left out. They must be contiguous."""
    views = [memoryview(part) for part in parts]  # type: ignore[arg-type]
    return [view.cast("B") for view in views if view.nbytes]


def make_header(
    file: int, offset: int, kind: int, key: int, parts: Sequence[memoryview]
) -> tuple[bytes, Place]:
    """Return the header of a record with the body `parts` at `offset`, and its place."""
    body_sum = 0
    for part in parts:
        body_sum = zlib.crc32(part, body_sum)
    length = sum(part.nbytes for part in parts)
    head = HEAD.pack(MAGIC, 0, body_sum, kind, length, key)
    return MAGIC + _sum(file, offset, head).to_bytes(4, "little") + head[SUMMED:], Place(
        file, offset, length
    )


def parse(data: memoryview, file: int, offset: int, at: int) -> Record | int | None:
    """Return the record at `data[at:]`, which lies at `offset` of its file.

    Where the header is whole and the body is not, return the length of both; None otherwise.
    """
    head = bytes(data[at : at + HEAD.size])
    if len(head) < HEAD.size or not head.startswith(MAGIC):
        return None
    _, head_sum, body_sum, kind, length, key = HEAD.unpack(head)
    if head_sum != _sum(file, offset, head) or at + HEAD.size + length > len(data):
        return None
    body = data[at + HEAD.size : at + HEAD.size + length]
    if zlib.crc32(body) != body_sum:
        return HEAD.size + int(length)
    return Record(Place(file, offset, length), kind, key, body)


def scan(data: bytes, file: int, start: int) -> Iterator[Record]:
    """Yield the whole records of a file in their order, from `start` on, past any damage."""
    view, at = memoryview(data), start
    while at < len(data):
        found = parse(view, file, at, at)
        if isinstance(found, Record):
            yield found
            at = found.end
        elif found is not None:
            at += found
        else:
            beyond = data.find(MAGIC, at + 1)
            at = len(data) if beyond < 0 else beyond


def _sum(file: int, offset: int, head: bytes) -> int:
    return zlib.crc32(head[SUMMED:], zlib.crc32(SEED.pack(file, offset)))
