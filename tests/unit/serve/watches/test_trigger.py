"""Laws of when a watch speaks up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.watches.trigger import GONE, RELEASE, Trigger
from longwatch.serve.watches.watch import WatchSettings

AT_ONCE = WatchSettings("a dog", min_duration_s=0.0, cooldown_s=0.0)


def fires(scores: list[float], settings: WatchSettings, rise: Trigger | None = None) -> list[float]:
    """Return when a row of scores, half a second apart, fires."""
    rise = rise or Trigger()
    return [i / 2 for i, score in enumerate(scores) if rise.take(i / 2, score, settings)]


def test_it_fires_once_for_each_time_that_it_comes_true() -> None:
    assert fires([0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1], AT_ONCE) == [1.0, 5.0]


def test_it_must_hold_for_its_duration() -> None:
    settings = WatchSettings("a dog", min_duration_s=1.0, cooldown_s=0.0)
    assert fires([0, 1, 1, 0, 0, 1, 1, 1, 1], settings) == [3.5]


def test_a_score_that_flickers_neither_ends_a_time_nor_begins_another() -> None:
    release = AT_ONCE.threshold * RELEASE
    assert fires([1, 0, 1, 0, 1, release, 1], AT_ONCE) == [0.0]
    gone = int(2 * GONE) + 1
    assert len(fires([1, *[0] * gone, 1], AT_ONCE)) == 2


def test_a_time_within_the_cooldown_is_passed_over() -> None:
    settings = WatchSettings("a dog", min_duration_s=0.0, cooldown_s=5.0)
    assert fires([1, 0, 0, 0, 1, *[1] * 20, 0, 0, 0, 1], settings) == [0.0, 14.0]


def test_a_clock_that_begins_anew_neither_fires_again_nor_blocks() -> None:
    rise = Trigger()
    assert rise.take(50.0, 1.0, AT_ONCE)
    assert not rise.take(0.0, 1.0, AT_ONCE)
    assert fires([0, 0, 0, 0, 1], AT_ONCE, rise) == [2.0]


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 3), st.floats(0, 10))
def test_firings_are_a_cooldown_apart_and_only_where_the_score_is_high(
    scores: list[float], duration: float, cooldown: float
) -> None:
    settings = WatchSettings("a dog", min_duration_s=duration, cooldown_s=cooldown)
    times = fires(scores, settings)
    assert all(scores[int(2 * time)] >= settings.threshold * RELEASE for time in times)
    assert all(b - a >= cooldown - 0.01 for a, b in pairwise(times))
