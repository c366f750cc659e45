"""Fitting finds classes that can be told apart, and its probabilities are right."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from longwatch.models.concept_head import ConceptHead, evened
from training import naming, vision
from training.sprites import TRAINED, concepts

SOME = 12  # concepts that appear


@pytest.fixture(scope="module")
def lesson() -> vision.Lesson:
    """Make tokens of some concepts in every style, near the centre of their look."""
    generator = torch.Generator().manual_seed(5)
    centres = 0.5 + 0.2 * torch.rand(SOME, len(TRAINED), 1280, generator=generator)
    name = torch.arange(SOME).repeat_interleave(len(TRAINED)).repeat(8)
    style = torch.arange(len(TRAINED)).repeat(SOME * 8)
    noise = 0.5 * torch.rand(len(name), 1280, generator=generator)
    i, p = torch.zeros(len(name), 3, dtype=torch.long), torch.zeros(len(name), 3)
    i[:, 0], p[:, 0] = name, 1
    return vision.Lesson(evened(centres[name, style] + noise).half(), i, p, style)


def test_a_head_that_was_fitted_names_what_it_was_shown(lesson: vision.Lesson) -> None:
    torch.manual_seed(0)
    photos = evened(0.5 + 0.2 * torch.rand(1280) + 0.5 * torch.rand(40, 1280))
    head = ConceptHead(nn.Linear(1280, 1000), len(concepts()), len(TRAINED), 64)
    vision.fit(head, lesson, photos, steps=4)
    said = head.own(head.narrow(lesson.x.float())).argmax(1)
    assert (said == lesson.i[:, 0]).float().mean() > 0.95
    assert (head.own(head.narrow(photos)).argmax(1) == len(concepts()) + 1).all()


def test_the_looks_are_those_of_the_clear_tokens(lesson: vision.Lesson) -> None:
    unsure = lesson._replace(p=lesson.p * torch.tensor([[0.3, 0, 0]]))
    nothing = lesson._replace(p=lesson.p * 0)
    units = len(concepts()) * len(TRAINED)
    assert (vision.looks(unsure, 0) == -1).all()
    assert (vision.looks(nothing, 1) == torch.tensor([units] * len(lesson.p) + [units + 1])).all()
    assert len(vision.looks(lesson, 0).unique()) == SOME * len(TRAINED)


def test_frames_are_named_by_their_surest_token() -> None:
    p = torch.full((2, 16, 1263), 1e-4)
    p[0, 4, 1007], p[0, 2, 1003] = 0.9, 0.5
    p[1, 0, 3], p[1, 12, 5] = 0.4, 0.99  # finer cells do not count
    p[..., -1] = 0.95  # nor does "nothing I know"
    assert naming.named(p).tolist() == [1007, 3]
