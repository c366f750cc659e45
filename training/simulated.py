"""A world's frames as tokens for the bundled model, without pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.stream.sources.world import World
from longwatch.types import VisualTokens
from training.parts import make_maker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.bundled_model import BundledVLM

GRID = (3, 3)


def encode(
    model: BundledVLM, seed: int, times: Sequence[float]
) -> tuple[World, list[VisualTokens]]:
    """Return a world out of all names and the simulated tokens of its frames at `times`, seconds.

    `model` reads frames on a grid of 3 x 3; so are the tokens.
    """
    maker = make_maker(model.tokenizer)
    world = World(seed, maker.names)
    sight = maker.simulator.see(world, np.array(times), GRID, np.random.default_rng(seed))
    words, p, place, colour = (torch.from_numpy(x) for x in sight[1:5])
    time = torch.from_numpy(np.array(times)[sight.frame])
    tokens = model.soft_tokens(words, p, place, colour, time)
    return world, [
        VisualTokens(t, model.positions, GRID) for t in tokens.unflatten(0, (len(times), -1))
    ]
