"""Fitting finds classes that can be told apart, and its probabilities are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from longwatch.models.concept_head import ConceptHead
from training import naming, vision
from training.features import Cells
from training.sprites import concepts

SOME = 12  # concepts that appear


@pytest.fixture(scope="module")
def centres() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.rand(SOME, 1280, generator=generator)


def cells_of(centres: torch.Tensor, frames: int, seed: int) -> Cells:
    """Make frames of one thing each that fills every cell."""
    generator = torch.Generator().manual_seed(seed)
    names = torch.randint(SOME, (frames,), generator=generator)
    noise = 0.5 * torch.rand(frames, 10, 1280, generator=generator)
    features = (centres[names][:, None] + noise).half().numpy()
    whose = np.full((frames, 3), -1, np.int16)
    whose[:, 0] = names.numpy()
    full = np.zeros((frames, 10, 3), np.float16)
    full[..., 0] = 1
    return Cells(features, whose, full, full, full, np.zeros((frames, 3, 4), np.float16))


def test_the_discriminant_names_fresh_frames(centres: torch.Tensor) -> None:
    weight, bias, spread = vision.discriminant(vision.pictograms(cells_of(centres, 60, 1)))
    assert torch.linalg.eigvalsh(spread).min() > 0
    head = ConceptHead(nn.Linear(1280, 1000), len(concepts()))
    with torch.no_grad():
        head.outer.weight.copy_(weight)
        head.outer.bias.copy_(bias)
    fresh = cells_of(centres, 20, 2)
    said = head.outer(vision.pictograms(fresh).features).argmax(1).reshape(20, 10)
    assert (said == torch.from_numpy(fresh.names[:, :1].astype(np.int64))).all()


def test_a_calibration_undoes_too_much_certainty() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(400, 8, generator=generator)
    wanted = logits.softmax(1)
    factor, offsets = vision.calibrate(4 * logits, wanted)
    assert abs(factor.item() - 0.25) < 0.03
    assert offsets.abs().max() < 0.1


def test_frames_are_named_by_their_surest_token() -> None:
    p = torch.full((2, 16, 1263), 1e-4)
    p[0, 4, 1007], p[0, 2, 1003] = 0.9, 0.5
    p[1, 0, 3], p[1, 12, 5] = 0.4, 0.99  # finer cells do not count
    p[..., -1] = 0.95  # nor does "nothing I know"
    assert naming.named(p).tolist() == [1007, 3]
