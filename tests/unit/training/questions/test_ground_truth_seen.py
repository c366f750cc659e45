"""The tables say what looking at each frame says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from longwatch.errors import ConfigError
from longwatch.stream.sources.world import World
from tests.support.watched import GROUPS, NAMES, entries, shown, truths
from training.questions.ground_truth import Seen

if TYPE_CHECKING:
    from training.questions import Truth


@settings(max_examples=60, deadline=None)
@given(truths())
def test_the_tables_are_what_each_frame_shows(drawn: tuple[Truth, int]) -> None:
    seen, now = drawn
    things = seen.things(now)
    assert sorted(name for name, _ in things) == sorted(shown(seen, now))
    assert [at for _, at in things] == sorted(at for _, at in things)
    assert seen.background(now) == seen.world.background(seen.times[now])
    assert sorted((run.first, run.name) for run in seen.runs(now)) == sorted(entries(seen, now))
    assert set(seen.names(now)) == {name for _, name in entries(seen, now)}
    for name in seen.names(now):
        shows = [k for k in range(now + 1) if name in shown(seen, k)]
        runs = [run for run in seen.runs(now) if run.name == name]
        assert shows == [k for r in runs for k in range(r.first, min(now, r.last) + 1)]


@settings(max_examples=30, deadline=None)
@given(truths())
def test_a_second_holds_the_frames_of_that_second(drawn: tuple[Truth, int]) -> None:
    seen, now = drawn
    for frame in range(now + 1):
        first, *others = seen.second(frame, now)
        assert first == frame
        same = {k for k in range(now + 1) if int(seen.times[k]) == int(seen.times[frame])}
        assert {frame, *others} == same


def test_a_group_has_its_members_and_itself() -> None:
    seen = Seen(World(1, NAMES), [0.0], groups=GROUPS)
    assert set(seen.members("low")) == {"low", *NAMES[:20]}
    assert set(seen.members("thing 3")) == set(NAMES[3:9])
    assert seen.members("thing 50") == ("thing 50",)
    assert seen.words("thing 4") == ["low", "thing 3"]


@pytest.mark.parametrize("times", [[], [-1.0, 0.0], [1.0, 1.0], [2.0, 1.0]])
def test_times_must_increase(times: list[float]) -> None:
    with pytest.raises(ConfigError, match="increase"):
        Seen(World(1, NAMES), times)
