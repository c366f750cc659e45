"""What the first units of an H.264 or HEVC access unit say, without decoding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

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
