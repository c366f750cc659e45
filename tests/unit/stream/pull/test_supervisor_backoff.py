"""Waits between attempts."""

from __future__ import annotations

import random

import pytest

from longwatch.errors import ConfigError
from longwatch.stream.pull.settings import PullSettings
from longwatch.stream.pull.supervisor import SLOW, Backoff


def test_waits_double_up_to_a_limit_within_their_jitter() -> None:
    backoff = Backoff(PullSettings(), random.Random(1))
    for attempt in range(12):
        wait = backoff.wait("source_refused", 0.0)
        expected = min(0.5 * 2**attempt, 30.0)
        assert 0.8 * expected <= wait <= 1.2 * expected
    for _ in range(5000):  # for ever, without an overflow
        backoff.wait("source_refused", 0.0)
    assert backoff.attempt == 5012


def test_a_source_that_was_well_for_a_minute_is_tried_soon_again() -> None:
    backoff = Backoff(PullSettings())
    for _ in range(6):
        backoff.wait("source_refused", 0.0)
    assert backoff.wait("source_ended", 59.0) > 10
    assert backoff.wait("source_ended", 60.0) < 1
    assert backoff.attempt == 1


@pytest.mark.parametrize("code", sorted(SLOW))
def test_what_trying_again_makes_worse_is_tried_each_minute_at_most(code: str) -> None:
    backoff = Backoff(PullSettings())
    assert all(backoff.wait(code, 0.0) >= 60 for _ in range(20))


def test_settings_are_above_zero_and_fit_each_other() -> None:
    for wrong in ({"read_s": 0.0}, {"slots": 0}, {"stall_s": 5.0, "give_up_s": 4.0}):
        with pytest.raises(ConfigError):
            PullSettings(**wrong)
