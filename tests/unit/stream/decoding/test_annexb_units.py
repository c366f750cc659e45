"""Access units are told apart by their first bytes."""

from __future__ import annotations

import pytest

from longwatch.stream.decoding.annexb import START, is_access_unit, is_key
from tests.support import media

CODECS = ["h264", "hevc"]


@pytest.mark.parametrize("codec", CODECS)
def test_what_an_encoder_writes_is_known(codec: str) -> None:
    for unit in media.access_units(codec, 25):
        assert is_access_unit(unit.data, codec)
        assert is_key(unit.data, codec) == unit.is_key


@pytest.mark.parametrize("codec", CODECS)
def test_a_piece_of_an_access_unit_is_none(codec: str) -> None:
    unit = media.access_units(codec, 1)[0].data
    for at in range(1, len(unit) - 6):
        if unit[at:].startswith((START, b"\0" + START)):
            continue  # it begins with a unit, which may be the slice
        assert not is_access_unit(unit[at:], codec)
    assert not is_access_unit(unit[: unit.find(START, 5)], codec)  # the first header alone


def test_a_later_slice_of_a_picture_begins_no_access_unit() -> None:
    assert is_access_unit(START + bytes([0x41, 0x9A, 0x00]), "h264")
    assert not is_access_unit(START + bytes([0x41, 0x1A, 0x00]), "h264")
    assert is_access_unit(START + bytes([0x02, 0x01, 0x80]), "hevc")
    assert not is_access_unit(START + bytes([0x02, 0x01, 0x00]), "hevc")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("payload", [b"", START, START + b"\x65", b"\xff" * 20, b"\0" * 20])
def test_short_and_strange_bytes_are_no_access_unit(codec: str, payload: bytes) -> None:
    assert not is_access_unit(payload, codec)
    assert not is_key(payload, codec)
