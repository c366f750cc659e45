"""Recordings are played at the speed of a live stream."""

from __future__ import annotations

import math

import pytest

from longwatch.errors import ConfigError
from longwatch.stream.sources.background import Pacer


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
async def test_each_frame_comes_when_it_is_due(speed: float) -> None:
    clock = Clock()
    pacer = Pacer(speed, clock=clock, sleep=clock.sleep)
    for time in (5.0, 5.5, 7.0, 7.0, 12.25):
        await pacer.wait(time)
        assert clock.now == pytest.approx(100.0 + (time - 5.0) / speed)


async def test_a_player_that_fell_behind_catches_up() -> None:
    clock = Clock()
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    await pacer.wait(0.0)
    clock.now += 3.0
    for time in (1.0, 2.0, 3.0):
        await pacer.wait(time)
    assert clock.slept == 0.0
    await pacer.wait(4.0)
    assert clock.slept == pytest.approx(1.0)


async def test_infinite_speed_never_waits() -> None:
    clock = Clock()
    pacer = Pacer(math.inf, clock=clock, sleep=clock.sleep)
    for time in (0.0, 1e6):
        await pacer.wait(time)
    assert clock.slept == 0.0


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_goes_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed"):
        Pacer(speed)
