"""Painted grounds keep the colour they are named by, and sprites lie where they are put."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.stream.sources.painting import COLOURS, GROUNDS, Pose, background, paste

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = (96, 64)  # width, height


def nearest(rgb: NDArray[np.floating]) -> str:
    return min(COLOURS, key=lambda name: float(((rgb - np.array(COLOURS[name])) ** 2).sum()))


@given(st.sampled_from(sorted(COLOURS)), st.sampled_from(GROUNDS), st.integers(0, 2**32))
def test_the_named_colour_stays_the_dominant_one(colour: str, kind: str, seed: int) -> None:
    image = background(colour, kind, SIZE, np.random.default_rng(seed))
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    assert nearest(image.reshape(-1, 3).mean(0)) == colour
    corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert nearest(corners.mean(0)) == colour


@pytest.mark.parametrize("kind", GROUNDS)
def test_a_ground_follows_from_its_seed(kind: str) -> None:
    first, second = (background("green", kind, SIZE, np.random.default_rng(7)) for _ in range(2))
    assert (first == second).all()


def test_an_unknown_colour_or_kind_is_an_error_that_says_what_there_is() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="brown"):
        background("mauve", "flat", SIZE, rng)
    with pytest.raises(ConfigError, match="checks"):
        background("red", "tartan", SIZE, rng)


def block(side: int = 40) -> NDArray[np.uint8]:
    return np.full((side, side, 4), 255, np.uint8)


@given(st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.floats(0.1, 0.4))
def test_a_sprite_lies_where_it_was_asked_to(x: float, y: float, height: float) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    alpha = paste(image, block(), (x, y), height)
    rows, columns = np.nonzero(alpha > 127)
    assert abs(rows.mean() + 0.5 - 200 * y) < 1
    assert abs(columns.mean() + 0.5 - 300 * x) < 1
    assert abs(rows.max() - rows.min() + 1 - 200 * height) < 2.5
    assert (image[alpha == 255] == 255).all()
    assert (image[alpha == 0] == 0).all()


@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(-180, 180), st.booleans())
def test_a_sprite_may_lie_outside_and_changes_nothing_else(
    x: float, y: float, angle: float, flip: bool
) -> None:
    image = background("blue", "blobs", SIZE, np.random.default_rng(1))
    before = image.copy()
    alpha = paste(image, block(), (x, y), 0.5, Pose(angle, 8.0, flip))
    assert (image[alpha == 0] == before[alpha == 0]).all()


def test_half_a_colour_lets_half_of_the_ground_through() -> None:
    image = np.full((50, 50, 3), 200, np.uint8)
    veil = np.zeros((50, 50, 4), np.uint8)
    veil[..., 3] = 128
    paste(image, veil, (0.5, 0.5), 1.0)
    assert abs(int(image[25, 25, 0]) - 100) <= 1


def test_a_flip_mirrors_and_a_quarter_turn_turns() -> None:
    sprite = block()
    sprite[:, :20] = 0  # the right half is there
    for pose, side in ((Pose(), np.s_[:, 50:]), (Pose(flip=True), np.s_[:, :50])):
        image = np.zeros((100, 100, 3), np.uint8)
        alpha = paste(image, sprite, (0.5, 0.5), 0.8, pose)
        assert alpha[side].sum() > 0.97 * alpha.sum()
    alpha = paste(np.zeros((100, 100, 3), np.uint8), sprite, (0.5, 0.5), 0.8, Pose(angle=90))
    assert alpha[50:].sum() > 0.97 * alpha.sum()  # clockwise: right becomes bottom
