"""The copy of the tower's last blocks starts as they are, and learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longwatch.models.concept_head import ConceptHead
from longwatch.models.efficientnet import MIDDLE, EfficientNetLite2
from training import dense, tokens, top, vision
from training.sprites import TRAINED, concepts

FRAMES = 24
THINGS = 4  # concepts that appear


@pytest.fixture(scope="module")
def tower() -> EfficientNetLite2:
    torch.manual_seed(1)
    return EfficientNetLite2().eval().requires_grad_(False)


@pytest.fixture
def head(tower: EfficientNetLite2) -> ConceptHead:
    torch.manual_seed(2)
    made = ConceptHead(tower.classifier, len(concepts()), len(TRAINED), 32)
    made.top.start(tower)
    return made


def shown() -> top.Shown:
    """Return frames that one thing fills, each thing with a map of its own."""
    rng = np.random.default_rng(3)
    kinds = 2 * rng.normal(size=(THINGS, MIDDLE, 1, 1))
    names = np.full((FRAMES, dense.MOST), -1, np.int16)
    names[:, 0] = np.arange(FRAMES) % THINGS
    cover = np.zeros((FRAMES, dense.MOST, 9, 9), np.uint8)
    cover[:, 0] = 255
    maps = (kinds[names[:, 0]] + 0.1 * rng.normal(size=(FRAMES, MIDDLE, 9, 9))).astype(np.float16)
    half = np.zeros(names.shape, np.float16)
    looks = dense.Looks(maps, names, cover, cover, half, names >= 0)
    return top.Shown(torch.from_numpy(maps), tokens.wanted(looks, rng), 0)


@torch.inference_mode()
def test_it_starts_as_the_towers_own(tower: EfficientNetLite2, head: ConceptHead) -> None:
    middle = torch.randn(2, MIDDLE, 9, 9)
    own, mine = head.maps(tower, middle).chunk(2, 1)
    assert torch.equal(own, tower.last(middle))
    assert torch.equal(mine, own)


def test_it_learns_and_leaves_the_tower_alone(
    tower: EfficientNetLite2, head: ConceptHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: t.clone() for name, t in tower.state_dict().items()}
    start = {name: t.clone() for name, t in head.top.state_dict().items()}
    monkeypatch.setattr(top, "WARM", 2)
    monkeypatch.setattr(top, "RATES", {"top": 1e-3, "narrow": 1e-2, "outer": 3e-2})
    parts = iter([i / 25 for i in range(26)])
    monkeypatch.setattr(top, "agreed", lambda _: next(parts))
    teacher = top.Teacher([shown()], torch.randn(6, MIDDLE, 9, 9), 0)
    first = teacher.loss(head)[0].item()
    [(told, state)] = top.teach(head, teacher, 1.0)
    assert told.step == 25
    assert teacher.loss(head)[0].item() < 0.5 * first
    assert all(torch.equal(t, tower.state_dict()[name]) for name, t in before.items())
    assert any(not torch.equal(t, head.top.state_dict()[name]) for name, t in start.items())
    assert state.keys() == head.own_state().keys()


def test_looks_that_no_style_has_stay_unused(head: ConceptHead) -> None:
    with torch.no_grad():
        head.outer.bias[5] = vision.UNUSED
    teacher = top.Teacher([shown()], torch.randn(6, MIDDLE, 9, 9), 0)
    teacher.loss(head)[0].backward()
    grad = head.outer.bias.grad
    assert grad is not None
    assert grad[5] == 0
    assert grad.abs().sum() > 0
