"""Simulated tokens say what their cell shows, with doubt, and nothing that it does not show."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longwatch.stream.sources.world import COLOURS, World
from training.parts import make_maker
from training.simulate import ASPECT, GRIDS, MOST, Sight

if TYPE_CHECKING:
    from longwatch.stream.sources.world import Event
    from training.lessons import Maker

TIMES = np.arange(24.0)
SEEDS = st.integers(0, 1 << 30)


@cache
def maker() -> Maker:
    return make_maker()


def sight(seed: int, grid: tuple[int, int]) -> tuple[World, Sight]:
    world = World(seed, maker().names)
    rng = np.random.default_rng(seed)
    return world, maker().simulator.see(world, TIMES, grid, rng)


def arrays(seen: Sight) -> dict[str, Any]:
    return seen._asdict()


def covered(event: Event, time: float, place: tuple[float, float], grid: tuple[int, int]) -> float:
    """Return how much of a cell a thing covers, of 10 x 10 points in it."""
    x, y = event.where(time) or (9.0, 9.0)
    rows, columns = grid
    points = (np.arange(10) + 0.5) / 10 - 0.5
    across = abs(place[0] + points / columns - x) < event.size * ASPECT / 2
    down = abs(place[1] + points / rows - y) < event.size / 2
    return float(across.mean() * down.mean())


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from(GRIDS))
@example(10183, (9, 9))  # where names take all of a cell, and a rounding more
def test_tokens_are_frames_and_cells_with_distributions(seed: int, grid: tuple[int, int]) -> None:
    _, seen = sight(seed, grid)
    rows, columns = grid
    cells = 1 + rows * columns
    assert seen.frame.tolist() == [t for t in range(len(TIMES)) for _ in range(cells)]
    assert seen.words.shape == seen.p.shape
    assert seen.shown.shape == (len(TIMES), MOST)
    assert (seen.p >= 0).all()
    assert (seen.p.sum(1) <= 1 + 1e-5).all()
    assert np.allclose(seen.colour.sum(1), 1, atol=1e-5)
    assert set(seen.words.ravel().tolist()) <= set(maker().simulator.words.values())
    place = seen.place.reshape(len(TIMES), cells, 2)
    assert np.isnan(place[:, 0]).all()
    middles = [[(x + 0.5) / columns, (y + 0.5) / rows] for y in range(rows) for x in range(columns)]
    assert np.allclose(place[:, 1:], middles, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(GRIDS))
def test_the_same_draw_sees_the_same(seed: int, grid: tuple[int, int]) -> None:
    ours, again = arrays(sight(seed, grid)[1]), arrays(sight(seed, grid)[1])
    for name, table in ours.items():
        assert np.array_equal(table, again[name], equal_nan=table.dtype.kind == "f")


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(GRIDS))
def test_a_cell_that_nothing_covers_names_nothing_but_noise(
    seed: int, grid: tuple[int, int]
) -> None:
    world, seen = sight(seed, grid)
    for i in np.flatnonzero(~np.isnan(seen.place[:, 0])):
        time = float(TIMES[seen.frame[i]])
        here = world.visible(time)
        place = (float(seen.place[i, 0]), float(seen.place[i, 1]))
        if not any(covered(event, time, place, grid) for event in here):
            assert (seen.p[i] > 0).sum() <= 1
            assert seen.holds[i] < 0


@pytest.mark.parametrize("grid", GRIDS)
def test_a_thing_that_fills_a_cell_is_what_it_names(grid: tuple[int, int]) -> None:
    named = []
    for seed in range(30):
        world, seen = sight(seed, grid)
        events = world.during(TIMES)
        for i in np.flatnonzero(~np.isnan(seen.place[:, 0])):
            time = float(TIMES[seen.frame[i]])
            place = (float(seen.place[i, 0]), float(seen.place[i, 1]))
            shares = {e.name: covered(e, time, place, grid) for e in world.visible(time)}
            if sum(share > 0 for share in shares.values()) == 1 and max(shares.values()) > 0.7:
                name = max(shares, key=lambda name: shares[name])
                assert events[seen.holds[i]].name == name
                best = seen.words[i, seen.p[i].argmax()]
                named.append(best == maker().simulator.words[name])
    assert len(named) > 100
    assert np.mean(named) > 0.8


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_whole_frame_shows_mostly_the_background(seed: int) -> None:
    world, seen = sight(seed, (3, 3))
    whole = seen.colour[np.isnan(seen.place[:, 0])]
    ground = [COLOURS.index(world.background(time)) for time in TIMES.tolist()]
    assert (whole.argmax(1) == ground).mean() > 0.8


@settings(max_examples=10, deadline=None)
@given(SEEDS, SEEDS)
def test_taking_tokens_keeps_them_as_they_are(seed: int, chosen: int) -> None:
    _, seen = sight(seed, (3, 3))
    keep = np.random.default_rng(chosen).random(len(seen.frame)) < 0.5
    some = seen.take(keep)
    every = arrays(seen)
    for name, ours in arrays(some).items():
        if name != "shown":  # of frames, not of tokens
            assert np.array_equal(ours, every[name][keep], equal_nan=ours.dtype.kind == "f")
    assert some.shown is seen.shown


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, 23), st.integers(1, 24))
def test_a_cut_is_the_frames_between(seed: int, first: int, frames: int) -> None:
    _, seen = sight(seed, (3, 3))
    end = min(first + frames, len(TIMES))
    part = seen.cut(first, end)
    assert part.frame.tolist() == [t for t in range(end - first) for _ in range(10)]
    assert np.array_equal(part.words, seen.words[10 * first : 10 * end])
    assert np.array_equal(part.shown, seen.shown[first:end])


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, 99))
def test_an_opening_comes_before_all_frames(seed: int, opening: int) -> None:
    _, seen = sight(seed, (3, 3))
    opened = seen.opened(opening)
    assert opened.frame[0] == opened.holds[0] == -1
    assert set(opened.words[0].tolist()) == {opening}
    assert opened.p[0].sum() == 0
    every = arrays(opened)
    for name, table in arrays(seen).items():
        kept = every[name] if name == "shown" else every[name][1:]
        assert np.array_equal(kept, table, equal_nan=table.dtype.kind == "f")
        assert kept.dtype == table.dtype
