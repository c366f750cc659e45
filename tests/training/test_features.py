"""What tokens cover adds up, on every grid."""

from __future__ import annotations

import numpy as np
import torch

from longwatch.models.efficientnet import MIDDLE
from longwatch.stream.sources import pictograms
from training.cells import FINE, TOKENS, pool
from training.features import see, style_of
from training.renderer import render
from training.sprites import NEAR, TRAINED, concepts

SPRITES = {name: pictograms.sprite(name) for name in concepts()[:20]}


def blank(x: torch.Tensor) -> torch.Tensor:
    """Stand in for the tower: a map as large as its middle one."""
    return torch.zeros(len(x), MIDDLE, 9, 9)


def test_shares_of_the_nine_cells_add_up_to_the_thing() -> None:
    rng = np.random.default_rng(4)
    frames = [render(SPRITES, rng, name) for name in ("dog", "cat", "pig", "cow")]
    cells = see(blank, frames, rng)
    assert cells.maps.shape == (4, MIDDLE, 9, 9)
    assert pool(torch.from_numpy(cells.maps), torch.from_numpy(cells.picked)).shape == (
        4,
        TOKENS,
        MIDDLE,
    )
    assert np.allclose(cells.share[:, 1:10, 0].sum(1), 1, atol=0.01)
    assert np.allclose(cells.share[:, 0, 0], 1, atol=0.01)
    assert (cells.area <= cells.box + 0.15).all()
    assert (cells.names >= 0).all()


def test_pooling_takes_the_cells_that_are_asked_for() -> None:
    maps = torch.arange(81.0).reshape(1, 1, 9, 9)
    picked = np.zeros((1, 2, FINE), np.int64)
    picked[0, 1] = np.arange(FINE) + 5
    tokens = pool(maps, torch.from_numpy(picked))[0, :, 0]
    assert tokens[0] == maps.mean()
    assert tokens[5] == maps[0, 0, 3:6, 3:6].mean()
    assert tokens[-FINE:].tolist() == [5.0 + i for i in range(FINE)]


def test_trained_styles_take_turns_and_held_out_ones_stay_apart() -> None:
    assert {style_of("test", shard) for shard in range(20)} == set(TRAINED)
    assert style_of("near", 0) == NEAR
