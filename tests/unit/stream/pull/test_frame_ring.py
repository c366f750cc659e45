"""Frames between two processes."""

from __future__ import annotations

import os
from contextlib import closing

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longwatch.stream.pull.frame_ring import Counts, FrameRing


def image(number: int, height: int = 8, width: int = 6) -> np.ndarray:
    return np.full((height, width, 3), number % 256, np.uint8)


@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 4))
def test_frames_come_in_order_and_what_is_missed_is_counted(puts: list[int], slots: int) -> None:
    with (
        closing(FrameRing(slots, 100)) as parent,
        closing(FrameRing(slots, 100, os.dup(parent.fd))) as child,
    ):
        sent, taken = 0, []
        for count in puts:
            for _ in range(count):
                sent += 1
                child.put(image(sent), sent / 10, float(sent))
            taken += list(parent.take())
        numbers = [picture.number for picture in taken]
        assert numbers == sorted(set(numbers))
        assert len(numbers) + parent.missed == sent
        assert not puts or not puts[-1] or numbers[-1] == sent
        for picture in taken:
            assert np.array_equal(picture.image, image(picture.number))
            assert (picture.pts, picture.arrived) == (picture.number / 10, float(picture.number))


def test_sizes_may_change_and_a_picture_may_have_no_time() -> None:
    with closing(FrameRing(3, 100)) as ring:
        ring.put(image(1, 10, 10), None, 1.0)
        ring.put(image(2, 3, 5), 0.5, 2.0)
        one, two = ring.take()
        assert (one.image.shape, one.pts) == ((10, 10, 3), None)
        assert (two.image.shape, two.pts) == ((3, 5, 3), 0.5)
        assert ring.fits(10, 10)
        assert not ring.fits(10, 11)
        assert not ring.fits(0, 5)


def test_a_frame_that_is_being_written_is_left_alone() -> None:
    with closing(FrameRing(1, 100)) as ring:
        ring.put(image(1), 0.0, 1.0)
        whole = bytes(ring._memory[4096:4104])
        ring._memory[4096:4104] = (3).to_bytes(8, "little")  # the next one has begun
        assert list(ring.take()) == []
        ring._memory[4096:4104] = whole
        assert [picture.number for picture in ring.take()] == [1]


def test_counts_are_told() -> None:
    with closing(FrameRing(1, 10)) as ring:
        assert ring.counts() == Counts()
        counts = Counts(5, 4, 3, 2, 1, 0, 7.5)
        ring.tell(counts)
        assert ring.counts() == counts


def test_memory_that_is_not_written_to_takes_none() -> None:
    with closing(FrameRing(3, 3840 * 2160)) as ring:
        ring.put(image(1, 120, 160), 0.0, 1.0)
        assert os.fstat(ring.fd).st_blocks * 512 < 1 << 20
