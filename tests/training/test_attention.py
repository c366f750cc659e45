"""Packed attention is the stock model's, run on each question alone with what came before it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import Qwen2Config, Qwen2Model

from training.attention import NAME, Layout, register

D, LAYERS, WATCHED = 32, 2, 1
HEADS = (0, 3)
SIZES: dict[str, Any] = {
    "vocab_size": 8,
    "hidden_size": D,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 48,
    "initializer_range": 0.3,
}


def stock(implementation: str) -> Qwen2Model:
    register()
    config = Qwen2Config(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": 1e4})
    config._attn_implementation = implementation
    torch.manual_seed(0)
    model: Qwen2Model = Qwen2Model(config).eval()
    return model


PACKED, EAGER = stock(NAME), stock("eager")


def drawn(seed: int) -> Layout:
    """Return a layout of streams and questions of uneven lengths; some questions are empty."""
    rng = torch.Generator().manual_seed(seed)
    b, f, q, n = (int(torch.randint(1, most, (), generator=rng)) for most in (4, 12, 4, 6))
    frames = torch.arange(f) < torch.randint(1, f + 1, (b, 1), generator=rng)
    lengths = torch.randint(0, n + 1, (b, q), generator=rng)
    lengths[0, 0] = n
    questions = torch.arange(n) < lengths[..., None]
    count = torch.randint(1, f + 1, (b, q), generator=rng)
    seen = frames[:, None] & (torch.arange(f) < count[..., None])
    evidence = seen & (torch.rand(b, q, f, generator=rng) < 0.3)
    proven = questions & (torch.rand(b, q, n, generator=rng) < 0.5)
    return Layout(frames, questions, seen, evidence, proven, {WATCHED: HEADS})


def order(layout: Layout) -> tuple[Tensor, Tensor]:
    """Return where each token of the row lies, (B, F) and (B, Q, n), by counting."""
    frames = torch.full(layout.frames.shape, -1)
    questions = torch.full(layout.questions.shape, -1)
    row = 0
    for table, mask in ((frames, layout.frames), (questions, layout.questions)):
        for at in mask.nonzero().tolist():
            table[tuple(at)] = row
            row += 1
    return frames, questions


def alone(embeds: Tensor, positions: Tensor) -> Any:
    ones = torch.ones(1, len(embeds), dtype=torch.int64)  # so that gaps do not split the sequence
    return EAGER(
        inputs_embeds=embeds[None],
        position_ids=positions[None],
        attention_mask=ones,
        output_attentions=True,
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30))
@torch.no_grad()
def test_each_question_is_answered_as_if_it_were_alone(seed: int) -> None:
    layout = drawn(seed)
    frames, questions = order(layout)
    size = int(layout.frames.sum() + layout.questions.sum())
    rng = torch.Generator().manual_seed(seed)
    embeds = torch.randn(size, D, generator=rng)
    positions = torch.randint(1, 50, (size,), generator=rng).cumsum(0)
    positions[frames[layout.frames].max() + 1 :] += 1000  # gaps, and questions after all frames
    found = PACKED(
        inputs_embeds=embeds[None], position_ids=positions[None], layout=layout, use_cache=False
    ).last_hidden_state[0]
    masses = torch.zeros(*layout.proven.shape, len(HEADS))
    masses[layout.proven] = layout.masses[WATCHED]
    for i, j in layout.questions.any(-1).nonzero().tolist():
        past, own = frames[i][layout.seen[i, j]], questions[i, j][layout.questions[i, j]]
        rows = torch.cat([past, own])
        assert all(a < b for a, b in pairwise(rows.tolist()))
        wanted = alone(embeds[rows], positions[rows])
        assert torch.allclose(found[rows], wanted.last_hidden_state[0], atol=1e-5, rtol=1e-4)
        proof = layout.evidence[i, j][layout.seen[i, j]]
        mass = wanted.attentions[WATCHED][0][HEADS, len(past) :, : len(past)][..., proof].sum(-1)
        kept = masses[i, j, : len(own)]
        watched = layout.proven[i, j, : len(own)]
        assert torch.allclose(kept[watched], mass.T[watched], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.booleans())
@torch.no_grad()
def test_questions_may_see_some_tokens_of_frames_that_saw_others(seed: int, windowed: bool) -> None:
    layout, rng = drawn(seed), torch.Generator().manual_seed(seed)
    b, f = layout.frames.shape
    kept = torch.rand(layout.seen.shape, generator=rng) < 0.6
    kept[..., 0] = True
    layout = replace(layout, seen=layout.seen & kept, evidence=layout.evidence & kept)
    near = torch.ones(b, f, f, dtype=torch.bool).tril()
    if windowed:
        near &= (torch.rand(b, f, f, generator=rng) < 0.5) | torch.eye(f, dtype=torch.bool)
        layout = replace(layout, near=near)
    frames, questions = order(layout)
    size = int(layout.frames.sum() + layout.questions.sum())
    embeds, positions = torch.randn(size, D, generator=rng), torch.arange(size)
    found = PACKED(
        inputs_embeds=embeds[None], position_ids=positions[None], layout=layout, use_cache=False
    ).last_hidden_state[0]
    for i, j in layout.questions.any(-1).nonzero().tolist():
        there = layout.frames[i]
        past, own = frames[i][there], questions[i, j][layout.questions[i, j]]
        rows, n = torch.cat([past, own]), len(past)
        allowed = torch.ones(len(rows), len(rows), dtype=torch.bool).tril()
        allowed[:n, :n] = near[i][there][:, there]
        allowed[n:, :n] = layout.seen[i, j][there]
        wanted = EAGER(
            inputs_embeds=embeds[rows][None],
            position_ids=positions[rows][None],
            attention_mask=torch.where(allowed, 0.0, -torch.inf)[None, None],
        )
        assert torch.allclose(found[rows], wanted.last_hidden_state[0], atol=1e-5, rtol=1e-4)


def test_only_the_watched_layers_are_kept() -> None:
    layout = drawn(0)
    layout.watched = {}
    size = int(layout.frames.sum() + layout.questions.sum())
    PACKED(inputs_embeds=torch.randn(1, size, D), layout=layout, use_cache=False)
    assert layout.masses == {}
