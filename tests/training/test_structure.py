"""Training starts from words that linear maps can tell apart, and heads that match and copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from training.parts import make_model
from training.structure import SLOW

if TYPE_CHECKING:
    from training.language import LanguageModel


@pytest.fixture(scope="module")
def words() -> BundledTokenizer:
    return BundledTokenizer(FOLDER)


@pytest.fixture(scope="module")
def model(words: BundledTokenizer) -> LanguageModel:
    torch.manual_seed(0)
    return make_model(words)


@torch.no_grad()
def test_names_times_and_the_rest_share_no_direction(
    model: LanguageModel, words: BundledTokenizer
) -> None:
    table = model.stack.embed_tokens.weight
    assert torch.allclose(table.norm(dim=1), torch.ones(len(table)), atol=1e-4)
    named = {*words.classes, *(words.word(group) for group in words.groups)}
    clock = {*words.hours, *words.minutes, *words.seconds}
    rest = set(range(len(table))) - named - clock
    kinds = [table[sorted(kind)] for kind in (named, clock, rest)]
    for i, some in enumerate(kinds):
        for others in kinds[i + 1 :]:
            assert (some @ others.T).abs().max() < 1e-4


@torch.no_grad()
def test_heads_look_at_the_word_that_they_hold(
    model: LanguageModel, words: BundledTokenizer
) -> None:
    """Without the positions: the scores of slow pairs are highest between a word and itself."""
    table = model.stack.embed_tokens.weight
    some = table[sorted({*words.classes})[::40] + list(words.minutes)]
    slow = torch.tensor([*range(SLOW, 32), *range(32 + SLOW, 64)])
    layers: Any = model.stack.layers
    for layer in layers[1:4]:
        q = (some @ layer.self_attn.q_proj.weight.T).unflatten(1, (4, 64))[..., slow]
        k = (some @ layer.self_attn.k_proj.weight.T).unflatten(1, (2, 64))[..., slow]
        for head in range(4):
            scores = q[:, head] @ k[:, head // 2].T
            assert (scores.argmax(1) == torch.arange(len(some))).float().mean() > 0.9


@torch.no_grad()
def test_heads_copy_names(model: LanguageModel, words: BundledTokenizer) -> None:
    """What the two key-value heads of layers 0 and 1 copy is, together, the name itself."""
    some = model.stack.embed_tokens.weight[sorted({*words.classes})[::40]]
    copied = torch.zeros_like(some)
    layers: Any = model.stack.layers
    for layer in layers[:2]:
        values = (some @ layer.self_attn.v_proj.weight.T).unflatten(1, (2, 64))
        copied += values.repeat_interleave(2, 1).flatten(1) @ layer.self_attn.o_proj.weight.T
    assert (torch.nn.functional.cosine_similarity(copied, some) > 0.99).all()
