"""Pushed video in every known format: the same frames come out however it is cut."""

from __future__ import annotations

import functools
import random
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.stream.buffer import LatestBuffer
from longwatch.stream.decoding.container import has_index
from longwatch.stream.limits import MediaLimits
from tests.support import media
from tests.support.stream_rig import DEADLINE, Rig, numbers, times

COUNT = 30
FORMATS = [
    ("h264", "h264"),
    ("hevc", "hevc"),
    ("mp4", "h264"),
    ("mp4", "hevc"),
    ("webm", "vp8"),
    ("webm", "vp9"),
    ("mpegts", "h264"),
]
every_format = pytest.mark.parametrize(("form", "codec"), FORMATS)


@functools.cache
def bitstream(form: str, codec: str) -> bytes:
    if form == codec:
        return b"".join(unit.data for unit in media.access_units(codec, COUNT))
    return media.clip(form, codec, COUNT)


@functools.cache
def whole(form: str, codec: str) -> list[bytes]:
    """Return the pixels of the clip that is fed in one piece."""
    rig = Rig(form)
    rig.feed([bitstream(form, codec)])
    return [frame.image.tobytes() for frame in rig.finish()]


@every_format
@pytest.mark.parametrize("size", [1, 7, 188, 1000, 65536])
def test_any_chunking_gives_the_same_frames(form: str, codec: str, size: int) -> None:
    rig = Rig(form)
    rig.feed(media.pieces(bitstream(form, codec), [size]))
    frames = rig.finish()
    assert numbers(frames) == list(range(COUNT))
    assert [frame.image.tobytes() for frame in frames] == whole(form, codec)
    assert rig.faults == []


@every_format
@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_uneven_chunking_gives_the_same_frames(form: str, codec: str, sizes: list[int]) -> None:
    rig = Rig(form)
    rig.feed(media.pieces(bitstream(form, codec), sizes))
    assert [frame.image.tobytes() for frame in rig.finish()] == whole(form, codec)


@every_format
@pytest.mark.parametrize("fps", [2.0, 5.0, 60.0])
def test_frames_are_sampled_by_their_time(form: str, codec: str, fps: float) -> None:
    rig = Rig(form, fps=fps)
    if form == codec:
        rig.feed([(unit.data, unit.pts) for unit in media.access_units(codec, COUNT)])
    else:
        rig.feed([(bitstream(form, codec), 0.0)])
    expected = [k for k in range(COUNT) if fps >= 25 or k % round(25 / fps) == 0]
    if fps == 2.0:
        expected = [0, 13, 25]
    frames = rig.finish()
    assert numbers(frames) == expected
    assert times(frames) == pytest.approx([k / 25 for k in expected], abs=0.0011)
    assert [frame.index for frame in frames] == list(range(len(expected)))


def test_times_in_a_container_count_from_the_first_chunk_s() -> None:
    rig = Rig("mpegts")  # whose own clock begins at 1.4 s
    rig.feed(
        [
            (part, 60.0 + k)
            for k, part in enumerate(media.pieces(bitstream("mpegts", "h264"), [2000]))
        ]
    )
    assert times(rig.finish())[:2] == [60.0, 60.04]


@every_format
def test_a_new_epoch_goes_on_where_the_last_one_ended(form: str, codec: str) -> None:
    rig = Rig(form)
    parts = [(part, 0.0) for part in media.pieces(bitstream(form, codec), [3000])]
    rig.feed(parts)
    rig.feed(parts, epoch=True)
    frames = rig.finish()
    assert numbers(frames) == [*range(COUNT), *range(COUNT)]
    assert times(frames) == sorted(set(times(frames)))
    assert rig.faults == []


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_after_a_broken_epoch_the_next_one_works(form: str) -> None:
    codec = "h264" if form == "mp4" else "vp8"
    rig = Rig(form)
    rig.feed([b"\xff" * 5000, b"\x00" * 5000], epoch=True)
    rig.feed([b"no start of a file"])
    rig.feed([bitstream(form, codec)])  # which says itself that it begins
    rig.feed([b"\xff" * 5000], epoch=True)
    rig.feed([bitstream(form, codec)], epoch=True)
    assert numbers(rig.finish()) == [*range(COUNT), *range(COUNT)]
    assert rig.codes == ["source_corrupt"]  # once, though it happened twice within a second


@every_format
def test_a_size_bomb_is_not_decoded(form: str, codec: str) -> None:
    rig = Rig(form, limits=MediaLimits(max_pixels=media.WIDTH * media.HEIGHT - 1))
    rig.feed([bitstream(form, codec)])
    assert rig.finish() == []
    expected = "frame_undecodable" if form == codec else "frame_too_large"
    assert rig.codes == [expected]


@pytest.mark.parametrize("form", ["mp4", "webm", "mpegts"])
@pytest.mark.parametrize("part", [0.0, 0.5])
def test_silence_in_a_container_ends_it_and_the_next_epoch_works(form: str, part: float) -> None:
    codec = "vp8" if form == "webm" else "h264"
    data = bitstream(form, codec)
    rig = Rig(form, limits=MediaLimits(idle_s=0.05))
    rig.feed([data[: int(len(data) * part) + 20]])
    assert rig.faulted.wait(DEADLINE)
    assert rig.codes == ["source_stalled"]
    rig.feed([data], epoch=True)
    assert numbers(rig.finish())[-COUNT:] == list(range(COUNT))


@every_format
def test_a_cut_clip_gives_the_frames_that_are_whole(form: str, codec: str) -> None:
    data = bitstream(form, codec)
    rig = Rig(form)
    rig.feed([data[: len(data) * 2 // 3]])
    got = numbers(rig.finish())
    assert 5 < len(got) < COUNT
    assert got == list(range(len(got)))


def test_an_mp4_with_its_index_at_the_end_is_refused_at_once() -> None:
    data = media.clip("mov", "h264", COUNT)
    assert has_index(data[:100])
    rig = Rig("mp4")
    rig.feed(media.pieces(data, [500]))
    assert rig.finish() == []
    assert rig.codes == ["source_corrupt"]
    assert "fragmented" in str(rig.faults[0])


@every_format
def test_nothing_at_all_is_no_fault(form: str, codec: str) -> None:
    rig = Rig(form)
    rig.feed([b"", b""])
    assert rig.finish() == []
    assert rig.faults == []


def test_a_decoder_that_cannot_keep_up_goes_on_at_the_next_key_frame() -> None:
    units = media.access_units("h264", COUNT)  # a key frame every ten
    limits = MediaLimits(max_message_bytes=2000, queue_bytes=2000)
    rig = Rig("h264", buffer=LatestBuffer(1, "block"), limits=limits)
    for unit in units:  # the buffer is full after one frame, so nothing is decoded
        rig.ingest.feed(unit.data, unit.pts)
    lost = rig.dropped["late"]
    assert lost > 0
    assert rig.codes == ["queue_full"]
    rig.ingest.end()
    shown = []
    while not (rig.ingest.join(0.0) and len(rig.buffer) == 0):
        frame = rig.buffer.get(0.01)
        if frame is not None:
            shown.append(media.read_number(frame.image))
    assert len(shown) == COUNT - lost
    after_a_hole = [b for a, b in pairwise(shown) if b != a + 1]
    assert all(number % 10 == 0 for number in after_a_hole)


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_a_container_that_was_left_out_is_joined_at_its_next_start(form: str) -> None:
    data = bitstream(form, "h264" if form == "mp4" else "vp8")
    begun = threading.Event()
    buffer = LatestBuffer(1, "block", on_put=begun.set)
    size = len(data) + 10
    rig = Rig(form, buffer=buffer, limits=MediaLimits(max_message_bytes=size, queue_bytes=size))

    def take(count: int) -> list[int]:
        frames = [buffer.get(DEADLINE) for _ in range(count)]
        return numbers([frame for frame in frames if frame is not None])

    rig.feed([data])
    assert begun.wait(DEADLINE)  # the first is being decoded, so its bytes wait no more
    rig.feed([data], epoch=True)
    rig.feed([data], epoch=True)  # no room
    rig.feed([b"the middle of it"])
    assert rig.dropped == {"late": 2}
    assert take(2 * COUNT) == [*range(COUNT), *range(COUNT)]
    rig.feed([data])
    assert take(COUNT) == list(range(COUNT))
    assert rig.codes == ["queue_full"]
    rig.ingest.close()


@pytest.mark.parametrize("form", ["mp4", "webm", "mpegts"])
def test_a_container_s_first_frames_do_not_wait_for_later_ones(form: str) -> None:
    data = media.clip(form, "vp8" if form == "webm" else "h264", 8)
    rig = Rig(form)
    rig.feed(media.pieces(data, [100]))
    for number in range(6):  # the stream goes on, for all that is known
        frame = rig.buffer.get(DEADLINE)
        assert frame is not None
        assert media.read_number(frame.image) == number
    rig.ingest.close()


@every_format
@pytest.mark.slow
def test_damaged_video_never_hangs_nor_crashes(form: str, codec: str) -> None:
    rng = random.Random(form + codec)
    data = bitstream(form, codec)[:6000]
    rig = Rig(form)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(rng.choice([1, 3, 30, 300])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if rng.random() < 0.3:
            at = rng.randrange(len(damaged))
            del damaged[at : at + rng.randrange(2000)]
        rig.feed(media.pieces(bytes(damaged), [rng.choice([100, 1000, 6000])]), epoch=True)
        if rng.random() < 0.1:
            rig.feed([rng.randbytes(3000)])
    rig.feed([bitstream(form, codec)], epoch=True)
    assert numbers(rig.finish()[-COUNT:]) == list(range(COUNT))


@every_format
def test_video_that_takes_too_long_to_decode_is_left_out(form: str, codec: str) -> None:
    rig = Rig(form, limits=MediaLimits(decode_s=1e-9))
    rig.feed([bitstream(form, codec)])
    assert rig.finish() == []
    assert rig.codes == ["decode_timeout"]
    assert rig.dropped.keys() == {"decode"}


@pytest.mark.parametrize(("form", "codec"), [("h264", "h264"), ("mp4", "h264")])
def test_after_a_slow_picture_the_next_epoch_is_decoded(form: str, codec: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
    rig = Rig(form, limits=MediaLimits(decode_s=0.01))
    rig.feed([media.encoded(form, codec, [noise])], epoch=True)
    end = time.monotonic() + DEADLINE
    while len(rig.buffer) == 0 and time.monotonic() < end:  # by the same decoder, or another one
        rig.feed(media.pieces(bitstream(form, codec), [1000]), epoch=True)
        time.sleep(0.01)
    rig.ingest.close()
    first = rig.buffer.get_nowait()
    assert first is not None
    assert first.image.shape == (media.HEIGHT, media.WIDTH, 3)
    assert "decode_timeout" in rig.codes
