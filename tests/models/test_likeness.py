"""Laws of how much tokens are like names."""

from __future__ import annotations

import pytest
import torch

from longwatch.models.bundled_model import BundledVLM, load_bundled
from longwatch.models.likeness import EVEN, NATS
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame, VisualTokens


@pytest.fixture(scope="module")
def model() -> BundledVLM:
    return load_bundled()


def seen(model: BundledVLM, **named: float) -> VisualTokens:
    """Return tokens of which two are of these names, as likely as that, and the rest of nothing."""
    count, word = model.positions.shape[1], model.tokenizer.word
    ids, p = torch.zeros(count, 6, dtype=torch.int64), torch.zeros(count, 6)
    for column, (name, likely) in enumerate(named.items()):
        ids[[0, 3], column] = word(name.replace("_", " "))
        p[3, column], p[0, column] = likely, likely / 4
    return VisualTokens(torch.zeros(count, 256), model.positions, (3, 3), named=(ids, p))


def test_a_thing_that_is_seen_speaks_for_yes_and_another_does_not(model: BundledVLM) -> None:
    tokens = seen(model, cheetah=0.9)
    assert model.evidence(tokens, "do you see a cheetah?") == pytest.approx(NATS * (0.9 - EVEN))
    assert model.evidence(tokens, "do you see a violin?") == pytest.approx(-NATS * EVEN)
    assert model.evidence(tokens, "a violin or a cheetah?") > 5
    assert model.evidence(tokens.select(torch.tensor([0, 1])), "a cheetah?") < 1


def test_the_word_of_a_group_stands_for_its_members(model: BundledVLM) -> None:
    group, members = next(iter(model.tokenizer.groups.items()))
    for name in members[:3]:
        assert model.evidence(seen(model, **{name: 0.9}), f"do you see any {group}?") > 5


def test_a_cat_of_a_breed_that_is_not_sure_is_a_cat(model: BundledVLM) -> None:
    tokens = seen(model, egyptian_cat=0.3, tabby=0.3, tiger_cat=0.3)
    assert model.evidence(tokens, "do you see a cat?") == pytest.approx(NATS * (0.9 - EVEN))
    assert model.evidence(tokens, "do you see a tabby?") == pytest.approx(NATS * (0.3 - EVEN))


def test_frames_say_what_they_are_likely_to_show(model: BundledVLM) -> None:
    frames = [Frame(SyntheticSource(3).draw(float(t)), float(t), t) for t in range(2)]
    for tokens in model.encode(frames):
        assert tokens.named is not None
        ids, p = tokens.named
        assert ids.shape == p.shape == (len(tokens), 6)
        assert bool((p.diff(dim=1) <= 0).all())
        assert bool((p.sum(1) <= 1 + 1e-5).all())


def test_tokens_that_name_nothing_say_nothing(model: BundledVLM) -> None:
    bare = VisualTokens(torch.ones(10, 256), model.positions, (3, 3))
    assert model.evidence(bare, "do you see a cheetah?") == 0.0


def test_a_question_without_a_name_says_nothing(model: BundledVLM) -> None:
    assert model.evidence(seen(model, cheetah=0.9), "is the light on?") == 0.0
