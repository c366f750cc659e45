"""What is damaged is left out, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import pytest

from longwatch.stream.decoding.decoder import Converter, PacketDecoder
from longwatch.stream.limits import MediaLimits
from tests.support import media

if TYPE_CHECKING:
    from av import Packet, VideoStream

    from longwatch.errors import FrameError


def decode(
    units: list[bytes], limits: MediaLimits | None = None
) -> tuple[list[int], list[FrameError]]:
    """Return the numbers of the good pictures, and what was told of the others."""
    context = av.CodecContext.create("h264", "r")
    converter, told = Converter(), list["FrameError"]()
    decoder = PacketDecoder(context, limits or MediaLimits(), told.append)
    packets = [cast("Packet[VideoStream]", av.Packet(unit)) for unit in units]
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    return [media.read_number(converter.rgb(frame)) for frame in frames], told


def test_sound_packets_give_all_pictures_and_nothing_is_told() -> None:
    assert decode([unit.data for unit in media.access_units(count=20)]) == (list(range(20)), [])


@pytest.mark.parametrize("bad", [b"\xff" * 100, b"\x00\x00\x01\x09", b"\x00"])
def test_a_packet_of_nonsense_is_told_and_the_next_one_decoded(bad: bytes) -> None:
    units = [unit.data for unit in media.access_units(count=5)]
    numbers, told = decode([units[0], bad, *units[1:]])
    assert numbers == list(range(5))
    assert len(told) == 1


def test_a_damaged_picture_is_left_out() -> None:
    units = [unit.data for unit in media.access_units(count=20)]
    units[5] = units[5][: len(units[5]) // 2]
    numbers, told = decode(units)
    assert 5 not in numbers
    assert set(range(5)) | set(range(10, 20)) <= set(numbers)  # the next key frame mends it
    assert told


def test_a_picture_too_large_is_told_with_the_limit() -> None:
    numbers, told = decode([media.access_units(count=1)[0].data], MediaLimits(max_pixels=999))
    assert numbers == []
    assert "999 pixels" in str(told[0])
