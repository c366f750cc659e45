"""The model in training computes what the stock model with tied, scaled words would."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from transformers import Qwen2Config, Qwen2Model

from tests.training.small import LESSON, language_model
from training.batches import collate
from training.language import EVIDENCE, NOTES
from training.parts import make_maker

if TYPE_CHECKING:
    from torch import Tensor

    from training.language import Batch, LanguageModel
    from training.lessons import Maker, Sample


@cache
def maker() -> Maker:
    return make_maker()


def drawn() -> tuple[Sample, Batch]:
    """Return a stream and the batch of that stream with its first question alone."""
    sample = maker().sample(LESSON, np.random.default_rng(1))
    sample = sample._replace(asked=sample.asked[:1])
    return sample, collate([sample], maker().ids)


def stock(model: LanguageModel, sample: Sample, batch: Batch) -> Tensor:
    """Return the logits, (S + R, vocabulary), of transformers' own model."""
    config = Qwen2Config.from_dict(model.stack.config.to_dict())
    config._attn_implementation = "eager"
    plain = Qwen2Model(config).eval()
    plain.load_state_dict(model.stack.state_dict())
    words = model.stack.embed_tokens.weight
    seen = model.soft(words, batch.words, batch.p, batch.place, batch.colour, batch.time)
    opening = words[maker().ids["<pad>"]]
    seen = torch.cat([8.0 * opening[None], seen[1:]])
    before = torch.from_numpy(sample.sight.frame <= sample.asked[0].now)
    rows = torch.cat([before, torch.ones(len(batch.text), dtype=torch.bool)])
    row = torch.cat([seen, 8.0 * words[batch.text]])[rows]
    hidden = plain(
        inputs_embeds=row[None],
        position_ids=batch.position[rows][None],
        attention_mask=torch.ones(1, len(row), dtype=torch.int64),
    ).last_hidden_state[0]
    logits: Tensor = hidden @ words.T
    return logits


@torch.no_grad()
def test_losses_are_those_of_the_stock_model() -> None:
    model, (sample, batch) = language_model(), drawn()
    losses, _ = model(batch)
    answer = torch.tensor(sample.asked[0].answer)
    logits = stock(model, sample, batch)[-len(answer) :]
    assert torch.allclose(model.logits(batch), logits, atol=1e-3)
    wanted = functional.cross_entropy(logits, answer, reduction="none")
    assert torch.allclose(losses, wanted, atol=1e-3)
    assert model.right.tolist() == (logits.argmax(-1) == answer).tolist()


@torch.no_grad()
def test_auxiliary_losses_are_those_of_what_is_there() -> None:
    model = language_model()
    rng = np.random.default_rng(0)
    batch = collate([maker().sample(LESSON, rng) for _ in range(4)], maker().ids)
    _, extra = model(batch)
    assert set(extra) == {name for name, (rows, _) in batch.notes.items() if len(rows)} | {
        "evidence"
    }
    assert set(extra) <= {*NOTES, "evidence"}
    assert all(value.isfinite() and value >= 0 for value in extra.values())
    assert set(batch.layout.masses) == set(EVIDENCE)
