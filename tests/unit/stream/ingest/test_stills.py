"""Pushed pictures: thinned out before they are decoded, and bounded."""

from __future__ import annotations

import threading

import pytest

from longwatch.stream.buffer import DropPolicy, LatestBuffer
from longwatch.stream.limits import MediaLimits
from tests.support import media
from tests.support.stream_rig import DEADLINE, Rig, numbers

SIZE = (media.WIDTH, media.HEIGHT)


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_flood_of_pictures_costs_no_decoding(policy: str) -> None:
    full = threading.Event()
    buffer = LatestBuffer(2, policy, on_put=lambda: full.set() if len(buffer) == 2 else None)
    one = Rig("jpeg", buffer=buffer)
    one.feed([(media.still(0), 0.0)])
    assert not full.is_set()
    one.feed([(media.still(1), 1.0)])
    assert full.wait(DEADLINE)
    one.feed([(b"not even a picture", 2.0 + k) for k in range(96)])
    one.feed([(media.still(98), 98.0), (media.still(99), 99.0)])
    assert one.dropped == {"busy": 96}  # two wait decoded, two undecoded
    one.ingest.end()
    shown = []
    while not (one.ingest.join(0.0) and len(buffer) == 0):
        frame = buffer.get(0.01)
        if frame is not None:
            shown.append(media.read_number(frame.image))
    if policy == "drop_oldest":
        assert shown == [0, 1, 98, 99]
        assert one.dropped == {"busy": 96}
    else:
        assert shown == [0, 1]
        assert one.dropped == {"busy": 96, "decode": 2}


def test_pictures_beyond_the_rate_are_not_decoded() -> None:
    one = Rig("jpeg", fps=2.0)
    one.feed([(media.still(0), 0.0), *[(b"not even a picture", k / 100) for k in range(1, 50)]])
    one.feed([(media.still(1), 0.5)])
    assert numbers(one.finish()) == [0, 1]
    assert one.dropped == {"rate": 49}
    assert one.faults == []


def test_a_late_picture_is_counted_and_dropped() -> None:
    one = Rig("jpeg")
    one.feed([(media.still(k), pts) for k, pts in enumerate([1.0, 1.5, 1.2, 2.0])])
    assert numbers(one.finish()) == [0, 1, 3]
    assert one.dropped == {"late": 1}


def test_a_picture_too_large_is_counted_by_its_size() -> None:
    one = Rig("png", limits=MediaLimits(max_pixels=100))
    one.feed([media.still(0, "png")])
    assert one.finish() == []
    assert one.dropped == {"size": 1}


def test_a_discontinuity_of_pictures_goes_on_with_the_stream() -> None:
    one = Rig("jpeg")
    one.feed([(media.still(0), 100.0)])
    one.feed([(media.still(1), 99.9)], discontinuity=True)
    frames = one.finish()
    assert numbers(frames) == [0, 1]
    assert 100.0 < frames[1].time < 100.0 + DEADLINE


def test_with_block_pictures_wait_and_none_is_lost() -> None:
    one = Rig("jpeg", buffer=LatestBuffer(1, DropPolicy.BLOCK))
    one.feed([(media.still(k), float(k)) for k in range(20)])
    one.ingest.end()
    got = []
    for _ in range(20):
        frame = one.buffer.get(DEADLINE)
        assert frame is not None
        got.append(frame)
    assert numbers(got) == list(range(20))
    assert one.dropped == {}


def test_raw_pictures_have_the_size_that_was_said() -> None:
    one = Rig("raw_rgb", size=SIZE)
    one.feed([(b"\0" * 100, 0.0), (media.picture(3).tobytes(), 1.0)])
    frames = one.finish()
    assert numbers(frames) == [3]
    assert frames[0].image.flags.writeable
    assert one.codes == ["frame_undecodable"]
