"""Tokens of dense frames are named by what they show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.models.efficientnet import MIDDLE, EfficientNetLite2
from training import tokens
from training.dense import MOST, Looks
from training.targets import FILLED, WITHIN, claimed

FRAMES = 4


@pytest.fixture(scope="module")
def looks() -> Looks:
    """Make frames with thing 5 in the top left ninth and, in the last, nine things beside it."""
    rng = np.random.default_rng(1)
    names = np.full((FRAMES, MOST), -1, np.int16)
    cover = np.zeros((FRAMES, MOST, 9, 9), np.uint8)
    names[:, 0], cover[:, 0, :3, :3] = 5, 255
    names[-1, 1:] = range(10, 10 + MOST - 1)
    cover[-1, 1:, 8, 8] = 20
    maps = rng.normal(size=(FRAMES, MIDDLE, 9, 9)).astype(np.float16)
    return Looks(maps, names, cover, cover, np.zeros_like(names, np.float16), names >= 0)


def test_the_cell_of_a_thing_is_its_own(looks: Looks) -> None:
    made = tokens.tokens(EfficientNetLite2(), looks, np.random.default_rng(2))
    assert made.x.shape == (FRAMES * tokens.EACH, 1280)
    p = made.p.unflatten(0, (FRAMES, -1))[:, : tokens.COARSE]
    i = made.i.unflatten(0, (FRAMES, -1))
    assert (i[:, 1, 0] == 5).all()
    assert torch.allclose(p[:, 1, 0], torch.ones(FRAMES))
    assert (p[:-1, 2:].sum(-1) == 0).all()
    assert torch.allclose(p[:-1, 0, 0], torch.ones(FRAMES - 1))


def test_the_whole_of_a_crowded_frame_does_not_teach(looks: Looks) -> None:
    made = tokens.tokens(EfficientNetLite2(), looks, np.random.default_rng(2))
    used = made.used.unflatten(0, (FRAMES, -1))
    assert used[:, 1:].all()
    assert used[:, 0].tolist() == [True] * (FRAMES - 1) + [False]


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=1, max_size=4))
def test_claims_share_out_at_most_the_whole(things: list[tuple[float, float]]) -> None:
    area, share = torch.tensor(things).T
    area = area / len(things)
    claim = claimed(area, area, share)
    assert (claim >= 0).all()
    assert claim.sum() <= 1 + 1e-5


def test_what_is_plainly_in_sight_is_named_without_hesitation() -> None:
    small, none = torch.tensor([0.01]), torch.zeros(1)
    assert claimed(torch.tensor([FILLED]), torch.tensor([FILLED]), none).item() == 1
    assert claimed(small, small, torch.tensor([WITHIN])).item() == 1
    assert claimed(small, small, none).item() < 0.1
