"""Synthetic streams show what their world says, at any rate and size."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv2", reason="OpenCV needs libGL", exc_type=ImportError)

from longwatch.errors import ConfigError
from longwatch.stream.sources import painting, pictograms, world
from longwatch.stream.sources.synthetic import SyntheticSource
from training.questions import KINDS, Truth

SEEDS = st.integers(0, 2**32)


class Empty(world.World):
    """A world of backgrounds only."""

    def visible(self, time: float) -> list[world.Event]:
        del time
        return []


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0, 1e5))
def test_a_scene_depends_on_its_seed_and_the_moment_alone(seed: int, time: float) -> None:
    one, other = SyntheticSource(seed, fps=2), SyntheticSource(seed, fps=30, duration=5)
    other.draw(time / 2)
    assert one.world.visible(time) == other.world.visible(time)
    assert np.array_equal(one.draw(time), other.draw(time))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0, 1000), st.sampled_from([(320, 240), (160, 320), (64, 64)]))
def test_things_are_drawn_where_the_world_says(
    seed: int, time: float, size: tuple[int, int]
) -> None:
    source = SyntheticSource(seed, size=size)
    image = source.draw(time).astype(int)
    empty = SyntheticSource(seed, size=size)
    empty.world = Empty(seed, pictograms.names())
    changed = np.abs(image - empty.draw(time)).max(2) > 0
    visible = source.world.visible(time)
    assert changed.any() == bool(visible)
    narrow = min(1.0, size[0] / size[1])
    for event in visible:
        x, y = event.where(time) or (0.0, 0.0)
        half = event.size * narrow * size[1] / 2 + 2
        rows = slice(max(0, round(y * size[1] - half)), round(y * size[1] + half))
        columns = slice(max(0, round(x * size[0] - half)), round(x * size[0] + half))
        assert changed[rows, columns].any()
        changed[rows, columns] = False
    assert not changed.any()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0, 1000))
def test_the_background_is_of_the_colour_that_the_world_says(seed: int, time: float) -> None:
    source = SyntheticSource(seed)
    source.world = Empty(seed, pictograms.names())
    mean = source.draw(time).mean((0, 1))
    near = {c: np.abs(mean - rgb).sum() for c, rgb in painting.COLOURS.items()}
    assert min(near, key=lambda colour: near[colour]) == source.world.background(time)


def test_painter_and_world_know_the_same_colours() -> None:
    assert tuple(painting.COLOURS) == world.COLOURS


def test_its_world_is_of_the_pictograms_that_are_shipped() -> None:
    source = SyntheticSource(9)
    assert source.world.known == pictograms.names()
    truth = Truth(source.world, range(30))
    assert set(truth.names(29)) == {e.name for t in range(30) for e in source.world.visible(t)}
    assert len(KINDS) == 16


def test_seeds_differ() -> None:
    events = {tuple(SyntheticSource(seed).world.events(30)) for seed in range(20)}
    assert len(events) == 20


@pytest.mark.parametrize("fps", [0.5, 7.0, 30.0])
def test_frames_come_at_the_rate_for_the_duration(fps: float) -> None:
    frames = list(SyntheticSource(1, fps=fps, duration=4.0, size=(64, 64)))
    assert [frame.time for frame in frames] == [k / fps for k in range(int(4 * fps))]
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_without_a_duration_it_never_ends() -> None:
    assert len(list(islice(SyntheticSource(1, fps=1, size=(64, 64)), 100))) == 100


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
