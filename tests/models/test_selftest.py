"""The check that every decoder passes before it answers anybody."""

from __future__ import annotations

import pytest
import torch

from benchmarks import text_models
from longwatch.errors import UnsupportedModelError
from longwatch.models import selftest

seeds = pytest.mark.parametrize("seed", [0, 1, 2])


@seeds
@pytest.mark.parametrize("name", text_models.ACCEPTED)
def test_models_with_rope_and_plain_causal_attention_are_accepted(name: str, seed: int) -> None:
    model = text_models.build(*text_models.ACCEPTED[name], seed)
    assert selftest.check(model) <= selftest.TOLERANCE


@seeds
@pytest.mark.parametrize("name", text_models.REFUSED)
def test_models_that_would_answer_wrongly_are_refused(name: str, seed: int) -> None:
    with pytest.raises(UnsupportedModelError, match="choose"):
        selftest.check(text_models.build(*text_models.REFUSED[name], seed))


def test_layers_without_positions_are_refused_for_what_they_answer() -> None:
    model = text_models.build(*text_models.REFUSED["SmolLM3 (NoPE layers)"])
    with pytest.raises(UnsupportedModelError, match=r"differ by \d"):
        selftest.check(model)


def test_kinds_of_layers_that_come_late_are_refused_too() -> None:
    late = {"num_hidden_layers": 10, "max_window_layers": 9}
    text = late | {"use_sliding_window": True, "sliding_window": 32, "num_key_value_heads": 2}
    with pytest.raises(UnsupportedModelError, match="sliding_attention after the first 8"):
        selftest.check(text_models.build("qwen2", text))


def test_a_checked_model_is_left_as_it_was() -> None:
    model = text_models.build(*text_models.ACCEPTED["Qwen2"])
    x = torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(0))
    before = model(inputs_embeds=x, use_cache=False).last_hidden_state
    selftest.check(model)
    assert model(inputs_embeds=x, use_cache=False).last_hidden_state.equal(before)


def test_a_bf16_model_is_checked_in_full_precision() -> None:
    model = text_models.build(*text_models.ACCEPTED["Qwen2"]).to(torch.bfloat16)
    assert selftest.check(model) <= selftest.TOLERANCE
    assert next(model.parameters()).dtype == torch.bfloat16
