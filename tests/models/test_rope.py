"""Rotation at positions of our choice, for every family's rotary embedding."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from benchmarks import text_models
from longwatch.errors import UnsupportedModelError
from longwatch.models.rope import FIRST, KEPT, DecoderRope

if TYPE_CHECKING:
    from torch import Tensor

CPU = torch.device("cpu")
names = pytest.mark.parametrize("name", text_models.ACCEPTED)


def make(name: str) -> tuple[Any, DecoderRope]:
    model = text_models.build(*text_models.ACCEPTED[name])
    return model, DecoderRope(model, torch.float32, CPU)


def heads(count: int, n: int, seed: int = 0) -> Tensor:
    return torch.randn(count, n, 16, generator=torch.Generator().manual_seed(seed))


@names
def test_a_rotation_is_the_model_s_own_less_its_scaling(name: str) -> None:
    """With three different axes where there are three; YaRN's factor is in the query already."""
    model, rope = make(name)
    generator = torch.Generator().manual_seed(1)
    positions = torch.randint(0, 5000, (rope.axes, 9), generator=generator)
    x = heads(2, 9)
    cos, sin = model.rotary_emb(x, positions[:, None] if rope.axes == 3 else positions)
    apply = sys.modules[type(model).__module__].apply_rotary_pos_emb
    expected = apply(x[None], x[None], cos, sin)[0][0] / model.rotary_emb.attention_scaling
    torch.testing.assert_close(rope.rotate(x, rope.table(positions)), expected, atol=1e-5, rtol=0)


@names
def test_position_zero_changes_nothing(name: str) -> None:
    _, rope = make(name)
    x = heads(2, 5)
    assert torch.equal(rope.rotate(x, rope.table(torch.zeros(rope.axes, 5, dtype=torch.int64))), x)


@names
def test_what_is_kept_of_a_rotation_is_what_is_computed(name: str) -> None:
    """Bit by bit, from the first position to beyond the last that is kept."""
    model, rope = make(name)
    generator = torch.Generator().manual_seed(2)
    for most in (5, FIRST, FIRST + 1, 5000, KEPT, 4 * KEPT, 5):
        positions = torch.randint(0, most, (rope.axes, 20), generator=generator)
        positions[:, 0] = most - 1
        at = positions[:, None] if rope.axes == 3 else positions
        cos, sin = model.rotary_emb(torch.empty(0), at)
        found, factor = rope.table(positions), model.rotary_emb.attention_scaling
        assert torch.equal(found.cos, cos[0] / factor)
        assert torch.equal(found.sin, sin[0] / factor)
    assert rope._known is None or len(rope._known.cos) == KEPT  # no more than that is held
    empty = rope.table(torch.empty(rope.axes, 0, dtype=torch.int64))
    assert empty.cos.shape == (0, 16)


@names
def test_only_the_distance_counts(name: str) -> None:
    """A query and a key moved together have the same product: that is why segments may move."""
    _, rope = make(name)
    q, k = heads(1, 1), heads(1, 1, seed=1)

    def score(at: int) -> float:
        here, there = (torch.full((rope.axes, 1), p) for p in (at, at + 7))
        return float((rope.rotate(k, rope.table(here)) * rope.rotate(q, rope.table(there))).sum())

    assert score(0) == pytest.approx(score(900), abs=1e-3)
    assert score(0) != pytest.approx(float((q * k).sum()), abs=1e-3)


@names
def test_the_fast_form_equals_the_model_s_function(name: str) -> None:
    _, rope = make(name)
    x, rotary = heads(3, 6), rope.table(torch.arange(6).expand(rope.axes, 6))
    fast = rope.rotate(x, rotary)
    rope._halves = False
    torch.testing.assert_close(rope.rotate(x, rotary), fast, atol=1e-6, rtol=0)


def test_the_dtype_is_kept() -> None:
    model = text_models.build(*text_models.ACCEPTED["Qwen2"])
    rope = DecoderRope(model, torch.bfloat16, CPU)
    out = rope.rotate(heads(2, 3).bfloat16(), rope.table(torch.arange(3)[None]))
    assert out.dtype == torch.bfloat16


def test_a_model_without_rope_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="choose a model with RoPE"):
        DecoderRope(nn.Linear(2, 2), torch.float32, CPU)
