"""Laws of which watch looks at which stream next."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from longwatch.errors import ConfigError
from longwatch.serve.streams.stream import LatestFrame
from longwatch.serve.watches.scheduler import CheckScheduler, CheckSettings, ScoredCheck
from longwatch.serve.watches.trigger import Trigger
from longwatch.serve.watches.watch import Watch, WatchSettings
from longwatch.types import Frame, VisualTokens


def watch(name: str = "w", *streams: str) -> Watch:
    return Watch(name, WatchSettings("a dog", streams=streams or ("*",)), 0.0)


NOTHING = VisualTokens(torch.zeros(1, 4), torch.zeros(3, 1, dtype=torch.int64), (1, 1))


def picture(time: float, level: int = 0) -> LatestFrame:
    return LatestFrame(Frame(np.full((72, 128, 3), level, np.uint8), time, 0), NOTHING)


def see(
    scheduler: CheckScheduler, watches: list[Watch], *frames: tuple[str, LatestFrame]
) -> list[ScoredCheck]:
    return list(scheduler.see(watches, dict(frames)))


def check(scheduler: CheckScheduler, now: float, score: float = 0.0) -> str | None:
    """Check the next pair; return its stream."""
    pair = scheduler.next(now)
    if pair is None:
        return None
    glimpse = scheduler.begin(pair)
    assert glimpse is not None
    pair.rise.take(glimpse.frame.time, score, pair.watch.settings)
    return pair.stream


def test_a_frame_is_checked_once() -> None:
    scheduler = CheckScheduler()
    see(scheduler, [watch()], ("a", picture(0)))
    assert check(scheduler, 1) == "a"
    see(scheduler, [watch()], ("a", picture(0)))
    assert check(scheduler, 2) is None


def test_a_picture_that_shows_nothing_new_keeps_its_score() -> None:
    scheduler, one = CheckScheduler(), watch()
    see(scheduler, [one], ("a", picture(0)))
    check(scheduler, 1, 0.75)
    (same,) = see(scheduler, [one], ("a", picture(0.5, 2)))
    assert (same.time, same.score) == (0.5, 0.75)
    assert check(scheduler, 2) is None
    assert not see(scheduler, [one], ("a", picture(1.0, 200)))
    assert check(scheduler, 3) == "a"
    assert not see(
        scheduler, [one], ("a", picture(99.0, 200))
    )  # a still picture is looked at again
    assert check(scheduler, 4) == "a"


def test_without_a_gate_every_frame_is_checked() -> None:
    scheduler = CheckScheduler(CheckSettings(change=0))
    for i in range(5):
        assert not see(scheduler, [watch()], ("a", picture(i)))
        assert check(scheduler, i) == "a"


def test_a_slow_change_adds_up_and_is_seen() -> None:
    scheduler, checked = CheckScheduler(), 0
    for i in range(30):
        see(scheduler, [watch()], ("a", picture(i / 10, i)))
        checked += check(scheduler, i) is not None
    assert 2 <= checked <= 10


def test_checks_keep_to_their_budget() -> None:
    scheduler = CheckScheduler(CheckSettings(checks=4.0))
    names = [f"s{i}" for i in range(20)]
    checked = 0
    for tick in range(200):  # ten seconds
        level = 100 * (tick % 2)
        see(scheduler, [watch()], *((name, picture(tick / 20, level)) for name in names))
        while check(scheduler, tick / 20) is not None:
            checked += 1
    assert 36 <= checked <= 44


def test_turns_are_fair_among_watches_and_streams() -> None:
    scheduler, counts = CheckScheduler(CheckSettings(checks=10.0)), Counter[str]()
    watches = [watch(f"w{i}") for i in range(3)]
    for tick in range(120):
        frames = [(f"s{i}", picture(tick, 100 * (tick % 2))) for i in range(2)]
        see(scheduler, watches, *frames)
        for _ in range(3):
            pair = scheduler.next(tick)
            if pair is not None:
                scheduler.begin(pair)
                counts[pair.watch.id + pair.stream] += 1
    assert len(counts) == 6
    assert max(counts.values()) - min(counts.values()) <= 1


def test_what_is_not_covered_or_not_active_is_not_looked_at() -> None:
    scheduler = CheckScheduler()
    see(scheduler, [watch("w", "b"), replace(watch("v"), paused=True)], ("a", picture(0)))
    assert scheduler.next(1) is None


def test_a_watch_that_was_dropped_or_paused_is_not_checked() -> None:
    scheduler, one = CheckScheduler(), watch()
    see(scheduler, [one], ("a", picture(0)))
    scheduler.put(replace(one, paused=True))
    assert scheduler.next(1) is None
    scheduler.put(one)
    scheduler.drop(one.id)
    assert scheduler.next(2) is None


def test_how_a_stream_stood_is_taken_up_again() -> None:
    scheduler, one = CheckScheduler(), watch()
    scheduler.put(one, {"a": Trigger(since=3.0, told=True, fired=3.0, time=4.0, score=0.9)})
    assert not see(scheduler, [one], ("a", picture(4.5)))  # what the picture was is not known
    pair = scheduler.next(1)
    assert pair is not None
    assert not pair.rise.take(4.5, 0.9, one.settings)


def test_a_condition_that_is_a_change_must_have_been_otherwise_before() -> None:
    scheduler, gone = (
        CheckScheduler(),
        Watch("w", WatchSettings("the dog leaves", min_duration_s=0.0), 0.0),
    )
    fired = []
    for i, score in enumerate([0.9, 0.9, 0.1, 0.1, 0.1, 0.9]):
        see(scheduler, [gone], ("a", picture(i, 100 * (i % 2))))
        pair = scheduler.next(i)
        assert pair is not None
        scheduler.begin(pair)
        fired += [i] if pair.rise.take(i, score, gone.settings) else []
    assert fired == [5]


@pytest.mark.parametrize("wrong", [{"checks": 0}, {"change": 2.0}, {"seconds": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        CheckSettings(**wrong)
