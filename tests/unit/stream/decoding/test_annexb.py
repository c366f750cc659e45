"""Pushed H.264 and HEVC: times, order, delay, and a bound on what has no end."""

from __future__ import annotations

import pytest

from longwatch.stream.limits import MediaLimits
from tests.support import media
from tests.support.stream_rig import DEADLINE, Rig, numbers, times

COUNT = 30


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_frame_has_the_time_of_the_chunk_that_it_begins_in(codec: str) -> None:
    units = media.access_units(codec, COUNT)
    rig = Rig(codec)
    for unit in units:
        for piece in media.pieces(unit.data, [50]):
            rig.ingest.feed(piece, unit.pts + 7.0, captured_at=unit.pts + 1e9)
    frames = rig.finish()
    assert times(frames) == [round(unit.pts + 7.0, 6) for unit in units]
    assert [frame.captured_at for frame in frames] == [unit.pts + 1e9 for unit in units]


def test_frames_that_were_sent_out_of_order_come_in_order() -> None:
    units = media.access_units("h264", COUNT, b_frames=2)
    assert [unit.pts for unit in units] != sorted(unit.pts for unit in units)
    rig = Rig("h264")
    rig.feed([(unit.data, unit.pts) for unit in units])
    frames = rig.finish()
    assert numbers(frames) == list(range(COUNT))
    assert times(frames) == sorted(round(unit.pts, 6) for unit in units)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_whole_access_units_come_out_without_a_frame_of_delay(codec: str) -> None:
    rig = Rig(codec)
    for number, unit in enumerate(media.access_units(codec, COUNT)):
        rig.ingest.feed(unit.data, unit.pts)
        if number >= 2:  # by then it is clear how the sender cuts
            while True:
                frame = rig.buffer.get(DEADLINE)
                assert frame is not None
                if media.read_number(frame.image) == number:
                    break
    rig.ingest.close()


@pytest.mark.parametrize("form", ["h264", "hevc"])
@pytest.mark.parametrize("size", [0, 1, 5000])
def test_data_without_an_access_unit_are_dropped_at_a_bound(form: str, size: int) -> None:
    rig = Rig(form, limits=MediaLimits(parse_bytes=10_000))
    rig.feed([b"\xff" * size] * 40)
    rig.feed([(unit.data, unit.pts) for unit in media.access_units(form, 5)], epoch=True)
    assert numbers(rig.finish())[-4:] == [1, 2, 3, 4]
    assert "source_corrupt" in rig.codes


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_sender_that_stops_cutting_at_access_units_loses_no_frame(codec: str) -> None:
    units = media.access_units(codec, COUNT)
    rig = Rig(codec)
    rig.feed([(unit.data, unit.pts) for unit in units[:10]])
    rest = b"".join(unit.data for unit in units[10:])
    rig.feed([(part, 0.4 + k / 1000) for k, part in enumerate(media.pieces(rest, [33]))])
    assert numbers(rig.finish())[:10] == list(range(10))
    assert len(rig.faults) <= 1


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_stream_that_is_joined_late_begins_at_the_next_key_frame(codec: str) -> None:
    units = media.access_units(codec, COUNT)  # a key frame every ten
    rig = Rig(codec)
    rig.feed([(unit.data, unit.pts) for unit in units[4:]])
    assert numbers(rig.finish()) == list(range(10, COUNT))
    assert rig.codes == (["frame_undecodable"] if codec == "h264" else [])
