"""Frames that come too late."""

from __future__ import annotations

from longwatch.stream.pull.reader import PATIENCE, LateFrameFilter


def test_a_steady_source_is_never_late() -> None:
    lateness = LateFrameFilter(1.0)
    assert not any(lateness.late(n / 10, 100 + n / 10 + n % 3 * 0.1) for n in range(100))


def test_of_a_burst_after_a_stall_the_newest_is_taken_and_the_rest_is_late() -> None:
    lateness = LateFrameFilter(1.0)
    for n in range(10):
        assert not lateness.late(n / 10, 100 + n / 10)
    held_up = [lateness.late(n / 10, 105.0 + n / 1000) for n in range(10, 51)]
    assert sum(held_up) > 25
    assert held_up[-1] is False
    assert not lateness.late(5.1, 105.1)


def test_a_source_that_stays_behind_sets_a_new_pace() -> None:
    lateness = LateFrameFilter(1.0)
    lateness.late(0.0, 100.0)
    late = [lateness.late(n / 10, 104 + n / 10) for n in range(1, 60)]
    assert late[0]
    assert sum(late) <= PATIENCE * 10 + 1
    assert not any(late[30:])


def test_a_clock_that_was_set_is_no_delay() -> None:
    lateness = LateFrameFilter(1.0)
    lateness.late(50.0, 100.0)
    assert not lateness.late(0.0, 100.1)  # back
    assert not lateness.late(0.1, 100.2)
    assert not lateness.late(3600.0, 100.3)  # ahead
    assert not lateness.late(3600.1, 100.4)
