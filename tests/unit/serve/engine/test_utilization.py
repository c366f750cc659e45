"""What the model's thread does."""

from __future__ import annotations

from contextlib import suppress

import pytest

from longwatch.serve.engine.utilization import SPAN, Utilization


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spend(pulse: Utilization, clock: Clock, work: str, seconds: float) -> None:
    with pulse.measure(work):  # type: ignore[arg-type]
        clock.now += seconds


def test_each_work_has_its_seconds_and_the_time_between_is_nobody_s() -> None:
    clock = Clock()
    pulse = Utilization(clock)
    for _ in range(10):
        spend(pulse, clock, "frame", 0.3)
        spend(pulse, clock, "answer", 0.2)
        clock.now += 0.5
    assert pulse.totals() == pytest.approx({"frame": 3.0, "answer": 2.0, "other": 0.0})
    assert pulse.fractions() == pytest.approx({"frame": 0.3, "answer": 0.2, "other": 0.0}, abs=0.05)


def test_shares_are_of_the_last_seconds() -> None:
    clock = Clock()
    pulse = Utilization(clock)
    for _ in range(200):
        spend(pulse, clock, "frame", 0.5)
    for _ in range(int(4 * SPAN)):
        spend(pulse, clock, "answer", 0.5)
    assert pulse.fractions() == pytest.approx({"frame": 0.0, "answer": 1.0, "other": 0.0}, abs=0.1)
    clock.now += 100 * SPAN
    assert sum(pulse.fractions().values()) < 0.1


def test_work_that_does_not_end_is_seen_while_it_lasts() -> None:
    clock = Clock()
    pulse = Utilization(clock)
    assert pulse.step_seconds == 0
    with pulse.measure("frame"):
        clock.now += 40
        assert pulse.step_seconds == 40
    assert pulse.step_seconds == 0


def test_work_that_fails_has_ended() -> None:
    clock = Clock()
    pulse = Utilization(clock)
    with suppress(ZeroDivisionError), pulse.measure("answer"):
        clock.now += 1 + 1 / 0
    assert pulse.step_seconds == 0
