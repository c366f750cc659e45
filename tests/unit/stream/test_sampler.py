"""Frames are chosen by time, never by stride."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.stream.sampler import ROUNDING, Sampler

RATES = st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 7.5, 10.0, 29.97, 30.0, 60.0, 240.0])
TIMES = st.lists(st.floats(0, 1e6, allow_nan=False), max_size=60).map(sorted)


def taken(fps: float | None, times: list[float]) -> list[float]:
    sampler = Sampler(fps)
    return [time for time in times if sampler.take(time)]


@given(RATES, TIMES)
def test_every_slot_that_has_frames_gives_exactly_its_first(fps: float, times: list[float]) -> None:
    firsts: dict[int, float] = {}
    for time in times:
        firsts.setdefault(Sampler(fps).slot(time), time)
    assert taken(fps, times) == list(firsts.values())


@given(RATES, st.floats(0, 1e5))
def test_a_slot_begins_at_its_multiple_give_or_take_the_rounding(fps: float, time: float) -> None:
    slot = Sampler(fps).slot(time)
    assert slot <= (time + ROUNDING) * fps + 1e-6
    assert time * fps < slot + 1 + 1e-6


@given(TIMES)
def test_no_rate_takes_everything(times: list[float]) -> None:
    assert taken(None, times) == times


@given(RATES, st.integers(1, 400))
def test_a_source_at_the_very_rate_loses_no_frame(fps: float, count: int) -> None:
    assert len(taken(fps, [k / fps for k in range(count)])) == count


@pytest.mark.parametrize("tick", [0.001, 1 / 90_000, 1e-6])
@pytest.mark.parametrize("fps", [1.0, 3.0, 24.0, 30.0, 60.0])
def test_times_rounded_to_ticks_lose_no_frame(fps: float, tick: float) -> None:
    for cut in (math.floor, round):
        times = [cut(k / fps / tick) * tick for k in range(300)]
        assert len(taken(fps, times)) == 300


def test_a_hundred_seconds_of_ntsc_at_four_hertz_are_four_hundred_frames() -> None:
    times = [float(Fraction(1001 * k, 30_000)) for k in range(2997)]
    kept = taken(4.0, times)
    assert len(kept) == 400
    assert all(0 < b - a < 0.25 + 1 / 29.97 for a, b in pairwise(kept))


def test_a_source_slower_than_the_rate_is_taken_whole() -> None:
    times = [k / 5 for k in range(50)]
    assert taken(30.0, times) == times


def test_a_jump_ahead_is_followed_at_once() -> None:
    assert taken(2.0, [0.0, 0.1, 1000.2, 1000.3, 1000.6]) == [0.0, 1000.2, 1000.6]


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(fps: float) -> None:
    with pytest.raises(ConfigError, match="fps"):
        Sampler(fps)
