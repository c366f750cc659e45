"""Synthetic scenes show what their events say, at any rate and size."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.stream.synthetic import ACT, COLOURS, MOST, SyntheticSource

SEEDS = st.integers(0, 2**32)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0, 1e5))
def test_a_scene_depends_on_its_seed_and_the_moment_alone(seed: int, time: float) -> None:
    one, other = SyntheticSource(seed, fps=2), SyntheticSource(seed, fps=30, duration=5)
    assert one.visible(time) == other.visible(time)
    assert np.array_equal(one.draw(time), other.draw(time))


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(0, 10_000))
def test_what_comes_in_an_act_leaves_in_it(seed: int, number: int) -> None:
    events = SyntheticSource(seed).act(number)
    assert 1 <= len(events) <= MOST
    assert len({event.what for event in events}) == len(events)
    for event in events:
        assert number * ACT <= event.start < event.end <= (number + 1) * ACT
        assert event.where(event.start) == event.enters
        assert event.where(event.end) is None


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0, 1000))
def test_a_shape_is_drawn_where_its_event_says(seed: int, time: float) -> None:
    source = SyntheticSource(seed)
    image = source.draw(time)
    events = source.visible(time)
    for event in events:
        place = event.where(time)
        assert place is not None
        pixel = image[round(place[1] * 240), round(place[0] * 320)]
        owners = {COLOURS[other.colour] for other in events if near(other.where(time), place)}
        assert tuple(pixel) in owners


def near(place: tuple[float, float] | None, other: tuple[float, float]) -> bool:
    """Tell whether shapes at these places may cover each other."""
    return place is not None and max(abs(a - b) for a, b in zip(place, other, strict=True)) < 0.2


def test_seeds_differ() -> None:
    events = {tuple(SyntheticSource(seed).events(30)) for seed in range(20)}
    assert len(events) == 20


@pytest.mark.parametrize("fps", [0.5, 7.0, 30.0])
def test_frames_come_at_the_rate_for_the_duration(fps: float) -> None:
    frames = list(SyntheticSource(1, fps=fps, duration=4.0, size=(64, 64)))
    assert [frame.time for frame in frames] == [k / fps for k in range(int(4 * fps))]
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_without_a_duration_it_never_ends() -> None:
    assert len(list(islice(SyntheticSource(1, fps=1, size=(64, 64)), 100))) == 100


def test_events_are_listed_in_order_up_to_a_moment() -> None:
    source = SyntheticSource(5)
    events = source.events(40.0)
    assert [e.start for e in events] == sorted(e.start for e in events)
    assert {e for t in range(400) for e in source.visible(t / 10)} == set(events)


def test_a_shape_moves() -> None:
    event = SyntheticSource(2).act(0)[0]
    first, later = event.where(event.start), event.where((event.start + event.end) / 2)
    assert first is not None
    assert later is not None
    assert abs(first[0] - later[0]) == pytest.approx(0.42)


async def test_it_is_a_source_like_any_other() -> None:
    source = SyntheticSource(3, fps=10, duration=2.0, size=(64, 64), paced=True, speed=100)
    there = [frame async for frame in source]
    await source.aclose()
    here = list(SyntheticSource(3, fps=10, duration=2.0, size=(64, 64)))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(there, here, strict=True))


@pytest.mark.parametrize("settings", [{"seed": -1}, {"fps": 0.0}, {"size": (10, 10)}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SyntheticSource(**settings)  # type: ignore[arg-type]
