"""A world is the same at any moment, however one gets there, and keeps its rules."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.stream.sources.world import COLOURS, LONGEST, MOST, SCENE, World

NAMES = tuple(f"thing {k}" for k in range(300))
SEEDS = st.integers(0, 2**40)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0, 1e6))
def test_any_moment_comes_from_the_seed_alone(seed: int, time: float) -> None:
    fresh, used = World(seed, NAMES), World(seed, NAMES)
    for other in range(0, 5000, 7):
        used.visible(other)
        used.background(other)
    assert fresh.visible(time) == used.visible(time)
    assert fresh.scenery(time) == used.scenery(time)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(0, 10**6))
def test_few_things_are_there_at_once_and_no_two_of_a_name(seed: int, time: int) -> None:
    visible = World(seed, NAMES).visible(time)
    assert len(visible) <= MOST
    assert len({event.name for event in visible}) == len(visible)
    for event in visible:
        place = event.where(time)
        assert place is not None
        assert all(0.1 < value < 0.9 for value in place)
        if event.size > 0.9:
            assert len(visible) == 1


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0, 1000))
def test_things_hardly_cover_each_other(seed: int, time: float) -> None:
    visible = World(seed, NAMES).visible(time)
    boxes = [(event.where(time) or (0.0, 0.0), event.size) for event in visible]
    for k, (one, size) in enumerate(boxes):
        for other, more in boxes[:k]:
            apart = max(abs(a - b) for a, b in zip(one, other, strict=True))
            assert apart > 0.6 * (size + more) / 2


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_changes_fall_between_whole_seconds_and_entries_in_seconds_of_their_own(seed: int) -> None:
    events = World(seed, NAMES).events(300)
    starts = [event.start for event in events]
    assert starts == sorted(set(starts))
    assert all(start % 1 == 0.5 for start in starts if start)
    assert all(event.end % 1 == 0.5 for event in events)
    assert all(0 < event.end - event.start <= LONGEST for event in events)
    assert all(event.where(event.start) == event.enters for event in events)
    assert all(event.where(event.end) is None for event in events)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_what_is_listed_is_what_is_seen(seed: int) -> None:
    world = World(seed, NAMES)
    seen = {event for tenth in range(2000) for event in world.visible(tenth / 10)}
    assert seen == set(world.events(200))
    assert seen <= set(world.during(range(201)))  # an act may begin at 199.5


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(4, 40))
def test_a_world_uses_a_pool_of_its_names(seed: int, pool: int) -> None:
    world = World(seed, NAMES, pool=pool)
    assert len(set(world.names)) == pool
    assert {event.name for event in world.events(300)} <= set(world.names) <= set(NAMES)


def test_worlds_have_the_mixture_that_they_promise() -> None:
    worlds = [World(seed, NAMES) for seed in range(200)]
    many = Counter(len(world.visible(time)) for world in worlds for time in range(128))
    shares = [many[k] / many.total() for k in range(4)]
    assert shares == pytest.approx([0.15, 0.55, 0.25, 0.05], abs=0.05)
    entries = [len(world.events(320)) for world in worlds]
    assert 4 < 320 * len(worlds) / sum(entries) < 6
    assert max(entries) > 3 * min(entries)
    assert {len(world.names) for world in worlds} == set(range(4, 41))


def test_backgrounds_change_now_and_then() -> None:
    world = World(3, NAMES)
    numbers = [world.scenery(time)[0] for time in range(4000)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == pytest.approx(2 * 4000 / SCENE, abs=2)
    assert {world.background(time) for time in range(4000)} == set(COLOURS)


def test_there_is_nothing_before_the_beginning() -> None:
    assert all(World(seed, NAMES).visible(-0.1) == [] for seed in range(50))


@pytest.mark.parametrize(("seed", "names", "pool"), [(-1, NAMES, None), (1, NAMES[:3], None)])
def test_what_makes_no_world_is_refused(seed: int, names: tuple[str, ...], pool: None) -> None:
    with pytest.raises(ConfigError):
        World(seed, names, pool=pool)


@pytest.mark.parametrize("pool", [3, 301])
def test_a_pool_is_neither_too_small_nor_larger_than_the_names(pool: int) -> None:
    with pytest.raises(ConfigError, match="4 to 300"):
        World(1, NAMES, pool=pool)
