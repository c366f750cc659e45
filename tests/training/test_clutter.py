"""Photographs among simulated things."""

from __future__ import annotations

import numpy as np
import pytest

from longwatch.stream.sources.world import World
from training.clutter import photographed
from training.lessons import Lesson
from training.parts import make_maker
from training.simulate import cells_of, coverage, visible

TIMES = np.arange(400.0)


@pytest.fixture(scope="module")
def world() -> World:
    return World(5, [f"thing {i}" for i in range(30)])


def test_only_what_fills_the_frame_becomes_a_photograph(world: World) -> None:
    _, shown, boxes = visible(world, TIMES)
    made = photographed(shown, boxes, np.arange(9), 1.0, np.random.default_rng(0))
    changed = (made.boxes != boxes).any(2)
    filling = (boxes[..., 3] - boxes[..., 1] > 0.9) & (shown >= 0)
    assert filling.any()
    np.testing.assert_array_equal(changed, filling)
    assert set(np.flatnonzero(made.sure.any(1))) <= set(np.flatnonzero(filling.any(1)))


def test_a_false_name_is_strong_in_a_corner_and_nothing_to_the_whole(world: World) -> None:
    _, shown, boxes = visible(world, TIMES)
    made = photographed(shown, boxes, np.arange(100, 109), 1.0, np.random.default_rng(0))
    cover = coverage(made.corners, cells_of((3, 3)))[:, 0]
    words, p = made.beside(
        np.zeros((len(TIMES), 10, 6), np.int64), np.full((len(TIMES), 10, 6), 1 / 6), cover
    )
    false = np.where(words >= 100, p, 0.0).sum(2)
    assert false[:, 1:].max() > 0.6
    assert false[:, 0].max() < 0.05
    assert false[made.sure.sum(1) == 0].max() == 0
    assert p.sum(2).max() <= 1 + 1e-9
    for row in np.flatnonzero(made.sure.any(1)):
        assert len(set(words[row][words[row] >= 100])) <= 2


def test_without_photographs_a_stream_is_as_it_was(world: World) -> None:
    _, shown, boxes = visible(world, TIMES)
    made = photographed(shown, boxes, np.arange(9), 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(made.boxes, boxes)
    assert made.sure.max() == 0


def test_a_lesson_with_photographs_has_tokens_like_any_other() -> None:
    maker = make_maker()
    plain, shown = (
        maker.sample(
            Lesson(frames=(200, 200), tokens=10**6, grids=(1, 0, 0), photographs=share, whole=1.0),
            np.random.default_rng(3),
        ).sight
        for share in (0.0, 1.0)
    )
    assert plain.words.shape[1] == shown.words.shape[1]
    assert (shown.p.sum(1) <= 1 + 1e-5).all()
