"""Dense frames show every concept alike, and their record says where things are."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from longwatch.models.efficientnet import MIDDLE
from training import dense
from training.sprites import SIDE, concepts

NAMES = list(concepts())[:20]


@pytest.fixture(scope="module")
def squares() -> dict[str, np.ndarray]:
    sprite = np.zeros((SIDE, SIDE, 4), np.uint8)
    sprite[8:-8, 8:-8] = 255
    return dict.fromkeys(NAMES, sprite)


def test_every_name_comes_once_before_any_comes_again() -> None:
    said = list(islice(dense.turns(NAMES, np.random.default_rng(1)), 3 * len(NAMES)))
    for first in range(0, len(said), len(NAMES)):
        assert sorted(said[first : first + len(NAMES)]) == sorted(NAMES)


def test_things_lie_in_the_frame_and_no_name_is_lost() -> None:
    rng = np.random.default_rng(2)
    names = dense.turns(NAMES, rng)
    counts = set()
    for _ in range(200):
        things = dense.place(names, rng, 4 / 3)
        counts.add(len(things))
        assert 1 <= len(things) <= dense.MOST
        for thing in things:
            assert all(0 <= at <= 1 for at in thing.centre)
    assert {1, 4, 9} <= counts


def test_a_frame_records_each_thing(squares: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        image, things, alphas, plain = dense.render(squares, dense.turns(NAMES, rng), rng)
        assert len(things) == len(alphas) == len(plain)
        assert all(alpha.shape == image.shape[:2] for alpha in alphas)


def test_cells_say_how_much_is_covered() -> None:
    alpha = np.zeros((180, 180), np.uint8)
    alpha[:20, :40] = 255
    cover, box = dense.cells(alpha)
    assert (cover == box).all()
    assert (cover[0, :2] == 255).all()
    assert cover.sum() == 2 * 255


def test_a_shard_is_made_of_what_was_drawn(
    squares: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "sprites", lambda _: squares)
    looks = dense.look(lambda x: torch.ones(len(x), MIDDLE, 9, 9), "train", 0, 6)
    shown = looks.names >= 0
    assert (looks.maps == 1).all()
    assert shown[:, 0].all()
    assert (looks.height[shown] > 0.2).all()
    assert not looks.cover[~shown].any()
