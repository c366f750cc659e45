"""Simulated streams for the shipped model: the frames of a world without their pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.loaded import shipped
from tests.training.small import language_model
from training.simulated import GRID, encode

if TYPE_CHECKING:
    from longwatch.models.bundled_model import BundledVLM

TIMES = [0.0, 1.0, 2.0, 90.0]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BundledVLM:
    return shipped(language_model(), tmp_path_factory.mktemp("exported"))


@torch.inference_mode()
def test_each_frame_has_its_tokens_where_the_real_ones_lie(model: BundledVLM) -> None:
    world, tokens = encode(model, 7, TIMES)
    assert world.seed == 7
    assert len(tokens) == len(TIMES)
    for one in tokens:
        assert one.grid == GRID
        assert one.embeds.shape == (10, 64)
        assert torch.equal(one.positions, model.positions)


@torch.inference_mode()
def test_a_world_looks_the_same_each_time_and_no_two_look_alike(model: BundledVLM) -> None:
    ours, again, other = (encode(model, seed, TIMES)[1] for seed in (7, 7, 8))
    for one, same, different in zip(ours, again, other, strict=True):
        assert torch.equal(one.embeds, same.embeds)
        assert not torch.equal(one.embeds, different.embeds)
