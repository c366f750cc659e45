"""Targets are distributions that follow what covers a cell."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.models.efficientnet import CLASSES, MIDDLE
from training import targets
from training.cells import FINE, TOKENS, Cells
from training.sprites import concepts


def cells_of(area: float, share: float, things: int = 1) -> Cells:
    names = np.full((1, 3), -1, np.int16)
    names[0, :things] = range(things)
    part = np.zeros((1, TOKENS, 3), np.float16)
    part[..., :things] = area
    within = np.zeros_like(part)
    within[..., :things] = share
    maps, picked = np.zeros((1, MIDDLE, 9, 9), np.float16), np.zeros((1, 2, FINE), np.int64)
    return Cells(maps, picked, names, part, part, within, np.zeros((1, 3, 4), np.float16))


@settings(max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_things_claim_at_most_the_whole_of_a_token(area: float, share: float, things: int) -> None:
    claim = targets.strengths(cells_of(area, share, things))
    assert claim.shape == (1, TOKENS, 3)
    assert (claim >= 0).all()
    assert (claim.sum(-1) <= 1 + 1e-5).all()
    assert not claim[..., things:].any()


def test_an_empty_cell_is_nothings_and_a_full_one_its_things() -> None:
    assert not targets.strengths(cells_of(0, 0)).any()
    assert (targets.strengths(cells_of(1, 0.5))[..., 0] == 1).all()


def test_things_that_fill_a_cell_alike_share_it() -> None:
    claim = targets.strengths(cells_of(1, 1, 2))
    assert torch.allclose(claim[..., :2], torch.tensor(0.5))


def test_two_columns_of_one_name_count_once() -> None:
    twin = targets.twins()
    logits = torch.randn(4, CLASSES + len(twin) + 1)
    before, after = logits.softmax(-1), targets.merged(logits, twin).softmax(-1)
    own = torch.where(twin >= 0)[0]
    assert len(own) > 50
    assert torch.allclose(after[:, CLASSES + own], before[:, CLASSES + own] + before[:, twin[own]])
    assert torch.allclose(after.sum(-1), torch.ones(4))


def test_twins_have_the_same_name() -> None:
    names = targets.columns()
    assert names[CLASSES:] == list(concepts())
    for i, column in enumerate(targets.twins().tolist()):
        assert column < 0 or names[column] == concepts()[i]
