"""Laws of how much tokens are like names."""

from __future__ import annotations

import pytest
import torch

from longwatch.models.bundled_model import BundledVLM, load_bundled
from longwatch.types import VisualTokens


@pytest.fixture(scope="module")
def model() -> BundledVLM:
    return load_bundled()


def seen(model: BundledVLM, name: str) -> VisualTokens:
    """Return tokens, one of which is the very word `name`."""
    word = model.decoder.embed([model.tokenizer.word(name)])
    noise = torch.randn(9, word.shape[1], generator=torch.Generator().manual_seed(1))
    return VisualTokens(torch.cat([noise, word]), model.positions, (3, 3))


def test_a_thing_that_is_seen_speaks_for_yes_and_another_does_not(model: BundledVLM) -> None:
    tokens = seen(model, "cheetah")
    assert model.evidence(tokens, "do you see a cheetah?") > 5
    assert model.evidence(tokens, "do you see a violin?") < model.evidence(tokens, "a cheetah?") - 3


def test_the_word_of_a_group_stands_for_its_members(model: BundledVLM) -> None:
    group, members = next(iter(model.tokenizer.groups.items()))
    for name in members[:3]:
        assert model.evidence(seen(model, name), f"do you see any {group}?") > 5


def test_a_question_without_a_name_says_nothing(model: BundledVLM) -> None:
    assert model.evidence(seen(model, "cheetah"), "is the light on?") == 0.0
