"""Pictures that are kept of a stream."""

from __future__ import annotations

import io
import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longwatch.memory.durable.thumbnail import make_thumbnail
from longwatch.serve.streams.thumbnails import WAITING, ThumbnailStore, ThumbnailWorker
from longwatch.types import Frame


def frame(time: float, level: int = 0) -> Frame:
    return Frame(image=np.full((48, 64, 3), level, np.uint8), time=time, index=int(time))


ONE = len(make_thumbnail(frame(0).image))


def shown(count: int, limit: int) -> ThumbnailStore:
    easel = ThumbnailWorker()
    gallery = ThumbnailStore(easel, limit)
    for i in range(count):
        gallery.add(frame(float(i), i % 256))
        easel.close()  # so that none is left out; the next one begins anew
    return gallery


@given(count=st.integers(1, 120), room=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_bytes_are_bounded_the_newest_stays_and_the_past_gets_sparse(count: int, room: int) -> None:
    gallery = shown(count, room * ONE)
    times = gallery.times()
    assert gallery.nbytes <= max(room * ONE, 2 * ONE)
    assert times == sorted(times)
    assert times[-1] == count - 1
    if room >= 4:
        assert times[0] == 0
        gaps = np.diff(times).tolist()
        assert gaps == sorted(gaps, reverse=True) or max(gaps) <= 2 * count / room + 2


def test_the_nearest_picture_shows_its_moment() -> None:
    gallery = shown(10, 1 << 20)
    assert gallery.nearest(-3.0) == gallery.nearest(0.2)
    for asked, time in ((3.4, 3), (3.6, 4), (99.0, 9)):
        found = gallery.nearest(asked)
        assert found is not None
        assert found.time == time
        with Image.open(io.BytesIO(found.jpeg)) as picture:
            assert abs(int(np.asarray(picture).mean()) - time) <= 1
    assert ThumbnailStore(ThumbnailWorker(), 1).nearest(1.0) is None


def test_what_is_too_much_to_draw_is_left_out_and_holds_nobody_up() -> None:
    easel, hold, begun = ThumbnailWorker(), threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        hold.wait(30)

    assert easel.offer(wait)
    assert begun.wait(30)
    assert [easel.offer(lambda: None) for _ in range(WAITING + 2)] == [True] * WAITING + [False] * 2
    hold.set()
    easel.close()


def test_a_picture_that_fails_does_not_end_those_to_come() -> None:
    easel, done = ThumbnailWorker(), threading.Event()

    def fail() -> None:
        raise ValueError("no picture")

    assert easel.offer(fail)
    assert easel.offer(done.set)
    assert done.wait(30)
    easel.close()
    easel.close()
