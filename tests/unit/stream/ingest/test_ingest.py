"""One publisher's way in: pictures, counters, faults, and the thread behind them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from longwatch.errors import ClosedError, ConfigError, FrameError
from longwatch.stream.buffer import LatestBuffer
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.ingest.ingest import FORMATS, MOST_HUNG, Ingest
from longwatch.stream.limits import MediaLimits
from longwatch.stream.sink import Drop
from longwatch.stream.timeline import Timeline
from tests.support import media
from tests.support.stream_rig import DEADLINE, Rig, numbers, times

every_format = pytest.mark.parametrize("form", FORMATS)
SIZE = (media.WIDTH, media.HEIGHT)


def rig(form: str, **settings: Any) -> Rig:
    return Rig(form, size=SIZE if form == "raw_rgb" else None, **settings)


def payload(form: str, number: int = 0) -> bytes:
    """Return a picture, or a whole clip of two."""
    if form == "raw_rgb":
        return media.picture(number).tobytes()
    if form in ("h264", "hevc"):
        return b"".join(unit.data for unit in media.access_units(form, 2))
    if form in media.CONTAINERS:
        return media.clip(form, "vp8" if form == "webm" else "h264", 2)
    return media.still(number, "jpeg" if form == "image" else form)


@every_format
def test_every_format_goes_in_and_out(form: str) -> None:
    one = rig(form)
    one.feed([(payload(form), 3.0)])
    frames = one.finish()
    assert numbers(frames) in ([0], [0, 1])
    assert frames[0].time == pytest.approx(3.0)
    assert frames[0].arrived <= time.monotonic()
    assert one.ingest.counters.received == 1
    assert one.ingest.counters.emitted == len(frames)
    assert one.ingest.counters.dropped == dict.fromkeys(Drop, 0)


@every_format
def test_closing_leaves_no_thread_and_takes_no_more(form: str) -> None:
    one = rig(form)
    one.feed([payload(form)])
    one.ingest.close()
    one.ingest.close()
    assert not any(t.name == f"ingest-{form}" for t in threading.enumerate())
    with pytest.raises(ClosedError):
        one.ingest.feed(payload(form))


@every_format
def test_closing_does_not_wait_for_a_consumer_that_never_comes(form: str) -> None:
    one = rig(form, buffer=LatestBuffer(1, "block"))
    one.feed([(payload(form, k), float(k)) for k in range(5)])
    assert one.buffer.wait_room(0.0) in (True, False)
    one.ingest.close()
    assert one.ingest.join(0.0)


@every_format
def test_a_stream_that_goes_away_ends_its_publisher(form: str) -> None:
    one = rig(form)
    one.buffer.close()
    with pytest.raises(ClosedError):
        one.feed([(payload(form), 0.0)])
    one.ingest.close()


@every_format
def test_a_message_too_large_is_not_looked_at(form: str) -> None:
    one = rig(form, limits=MediaLimits(max_message_bytes=50_000))
    one.feed([b"\xff\xd8\xff" + b"\0" * 50_000])
    assert one.finish() == []
    assert one.codes == ["frame_too_large"]
    assert one.dropped == {"size": 1}


@every_format
def test_a_second_publisher_goes_on_with_the_stream(form: str) -> None:
    timeline, buffer = Timeline(), LatestBuffer(100)
    for _ in range(2):
        one = rig(form, timeline=timeline, buffer=buffer)
        one.feed([(payload(form), 0.0)])
        one.ingest.end()
        assert one.ingest.join(DEADLINE)
    frames = list(iter(buffer.get_nowait, None))
    assert times(frames) == sorted(set(times(frames)))
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_faults_are_told_once_a_second_and_counted_always() -> None:
    one = rig("jpeg")
    one.feed([(b"\xff\xd8\xff broken", k / 10) for k in range(20)])
    one.feed([(media.still(7), 5.0), (b"no picture", 6.0)])
    assert numbers(one.finish()) == [7]
    assert one.codes == ["frame_undecodable", "unsupported_format"]
    assert all(isinstance(fault, FrameError) for fault in one.faults)
    assert one.dropped == {"decode": 21}


@pytest.mark.parametrize("pts", [float("nan"), float("inf"), 1e30, -1e30])
def test_an_impossible_pts_is_told_and_the_arrival_taken(pts: float) -> None:
    one = rig("jpeg")
    one.feed([(media.still(1), pts), (media.still(2), pts)])
    assert numbers(one.finish()) == [1, 2]
    assert one.codes == ["invalid_value"]
    assert one.faults[0].param == "pts"


def test_many_threads_may_feed_at_once() -> None:
    one = rig("jpeg")
    still = media.still(0)

    def push() -> None:
        for _ in range(25):
            one.ingest.feed(still)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    frames = one.finish()
    assert times(frames) == sorted(times(frames))
    assert len(frames) + sum(one.dropped.values()) == 100


@pytest.mark.parametrize("form", ["jpeg", "h264"])
def test_a_fault_may_close_the_ingest(form: str) -> None:
    """The first comes on the worker's thread, the second on the one that feeds too much."""
    closed = threading.Event()
    limits = MediaLimits(max_message_bytes=2000, queue_bytes=2000)

    def close(_: Exception) -> None:
        ingest.close()
        closed.set()

    ingest = Ingest(
        form,
        fps=None,
        limits=limits,
        buffer=LatestBuffer(1, "block"),
        timeline=Timeline(),
        on_fault=close,
    )
    if form == "jpeg":
        ingest.feed(b"no picture")
    else:
        units = iter(media.access_units(form) * 10)
        while not closed.is_set():
            ingest.feed(next(units).data)
    assert closed.wait(DEADLINE)
    assert ingest.join(DEADLINE)


@pytest.mark.parametrize(
    ("form", "size", "error"),
    [
        ("gif", None, ConfigError),
        ("raw_rgb", None, ConfigError),
        ("jpeg", (4, 4), ConfigError),
        ("raw_rgb", (0, 4), ConfigError),
        ("raw_rgb", (100_000, 100_000), FrameError),
    ],
)
def test_a_format_that_cannot_be_taken_starts_no_thread(
    form: str, size: tuple[int, int] | None, error: type[Exception]
) -> None:
    before = threading.active_count()
    with pytest.raises(error):
        Rig(form, size=size)
    assert threading.active_count() == before


def test_a_decoder_that_hangs_is_left_to_itself_and_another_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, begun, hangs = threading.Event(), threading.Semaphore(0), media.still(255)

    def decode(payload: bytes, limits: MediaLimits) -> Any:
        if payload == hangs:
            begun.release()
            release.wait(DEADLINE)
        return decode_image(payload, limits)

    monkeypatch.setattr("longwatch.stream.ingest.ingest.decode_image", decode)
    one, number = rig("jpeg", limits=MediaLimits(decode_s=0.05)), 0
    for _ in range(MOST_HUNG):
        one.feed([(hangs, float(number))])
        assert begun.acquire(timeout=DEADLINE)
        while len(one.buffer) == 0:
            number += 1
            one.feed([(media.still(number % 200), float(number))])
            time.sleep(0.01)
        while one.buffer.get_nowait() is not None:
            pass
    one.feed([(hangs, float(number + 1))])
    assert begun.acquire(timeout=DEADLINE)
    lost = one.ingest.counters.dropped[Drop.DECODE]
    while one.ingest.counters.dropped[Drop.DECODE] < lost + 3:  # refused; no thread more
        number += 1
        one.feed([(media.still(0), float(number))])
        time.sleep(0.01)
    hung = [t for t in threading.enumerate() if t.name == "ingest-jpeg"]
    assert len(hung) == MOST_HUNG + 1
    release.set()
    for thread in hung[:MOST_HUNG]:
        thread.join(DEADLINE)
    one.ingest.close()
    assert not any(thread.is_alive() for thread in hung)
    assert one.codes[0] == "decode_timeout"
    assert set(one.codes) == {"decode_timeout"}  # of what came back later nothing was heard
