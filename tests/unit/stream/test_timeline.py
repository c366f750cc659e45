"""Stream time never goes back, whatever the publisher's clock does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.stream.timeline import FAR, GAP, REORDER, WRAPS, Gap, Timeline

PTS = st.one_of(
    st.none(),
    st.floats(-1e10, 1e10),
    st.floats(0, 100),
    st.sampled_from([0.0, 5.0, *WRAPS]),
)
EVENTS = st.lists(st.tuples(PTS, st.floats(0, 50), st.booleans()), max_size=60)


@given(EVENTS)
def test_time_only_goes_on(events: list[tuple[float | None, float, bool]]) -> None:
    timeline, arrived, last = Timeline(), 1000.0, -1.0
    for pts, passed, breaks in events:
        arrived += passed
        if breaks:
            timeline.restart()
        time = timeline.stamp(pts, arrived)
        if time is not None:
            assert time > last
            last = time
    assert timeline.time == (None if last < 0 else last)


@given(st.floats(0, 1e9), st.lists(st.floats(0.01, GAP * 0.99), max_size=40))
def test_a_sound_clock_is_taken_as_it_is(first: float, steps: list[float]) -> None:
    timeline, pts = Timeline(), first
    assert timeline.stamp(pts, 0.0) == first
    for step in steps:
        pts += step
        assert timeline.stamp(pts, 0.0) == pytest.approx(pts)  # whenever it arrives
    assert timeline.gaps == []


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("pts", [0.0, 3.0, 9e8])
def test_another_clock_goes_on_after_the_real_time_that_passed(pts: float, announced: bool) -> None:
    timeline = Timeline()
    timeline.stamp(500.0, 10.0)
    if announced:
        timeline.restart()
    assert timeline.stamp(pts, 30.0) == pytest.approx(520.0)
    assert timeline.stamp(pts + 0.5, 30.4) == pytest.approx(520.5)
    assert timeline.gaps == [Gap(500.0, 520.0)]


@pytest.mark.parametrize(("pts", "arrived"), [(500.04, 10.0), (560.0, 70.2), (571.0, 70.0)])
def test_a_publisher_that_comes_back_with_its_old_clock_keeps_it(
    pts: float, arrived: float
) -> None:
    timeline = Timeline()
    timeline.stamp(500.0, 10.0)
    timeline.restart()
    assert timeline.stamp(pts, arrived) == pytest.approx(pts if pts < 571 else 560.0)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_counter_that_wraps_goes_on_without_a_break(wrap: float) -> None:
    timeline = Timeline()
    timeline.stamp(wrap - 0.04, 0.0)
    assert timeline.stamp(0.0, 0.04) == pytest.approx(wrap)
    assert timeline.stamp(0.04, 0.08) == pytest.approx(wrap + 0.04)
    assert timeline.gaps == []


def test_a_frame_out_of_order_is_late_and_changes_nothing() -> None:
    timeline = Timeline()
    timeline.stamp(10.0, 0.0)
    assert timeline.stamp(10.0 - REORDER / 2, 0.01) is None
    assert timeline.stamp(10.1, 0.1) == pytest.approx(10.1)


def test_a_short_clip_that_starts_over_is_not_late_for_ever() -> None:
    timeline, arrived, times = Timeline(), 0.0, []
    for _ in range(5):
        for k in range(20):  # half a second of pts, played at a tenth of the speed
            arrived += 0.25
            times.append(timeline.stamp(k / 40, arrived))
    assert sum(time is None for time in times) <= 5 * 4


@pytest.mark.parametrize("pts", [None, 7.0])
def test_a_sender_that_does_not_count_gets_the_time_of_arrival(pts: float | None) -> None:
    timeline = Timeline()
    first = timeline.stamp(pts, 100.0)
    assert first == (pts or 0.0)
    assert timeline.stamp(pts, 101.5) == pytest.approx(first + 1.5)
    assert timeline.stamp(pts, 104.0) == pytest.approx(first + 4.0)


def test_a_clock_that_leaps_ahead_does_not_take_the_stream_along() -> None:
    timeline = Timeline()
    timeline.stamp(0.0, 0.0)
    assert timeline.stamp(FAR - 1, 1.0) == FAR - 1  # a pause of the publisher
    assert timeline.stamp(9e9, 2.0) == pytest.approx(FAR)


def test_a_negative_clock_begins_at_zero() -> None:
    timeline = Timeline()
    assert timeline.stamp(-3.0, 0.0) == 0.0
    assert timeline.stamp(-2.5, 0.1) == pytest.approx(0.5)


def test_the_oldest_gaps_are_forgotten_beyond_a_number() -> None:
    timeline = Timeline(max_gaps=3)
    for k in range(10):
        timeline.stamp(k * 20.0, 0.0)
    assert timeline.gaps == [Gap(120.0, 140.0), Gap(140.0, 160.0), Gap(160.0, 180.0)]


def test_running_numbers_have_no_holes() -> None:
    timeline = Timeline()
    assert [timeline.number() for _ in range(4)] == [0, 1, 2, 3]
