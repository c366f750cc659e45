"""A tiny random decoder, peaky enough that a wrong position or a lost token shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import Qwen2Config, Qwen2Model

from longwatch.models.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.memory import Memory

WIDTH = 32
VOCABULARY = 64


def stock(seed: int = 0) -> Qwen2Model:
    """Return a two-layer Qwen2 with grouped queries and amplified query and key weights."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Qwen2Model = Qwen2Model(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "q_proj.weight" in name or "k_proj.weight" in name:
                weight.mul_(20)
    return model


def decoder(seed: int = 0) -> Decoder:
    """Return the same behind the seam; its head is the identity, so logits are hidden states."""
    return Decoder(stock(seed), torch.nn.Identity())


def frames(count: int, tokens: int, seed: int = 1) -> list[torch.Tensor]:
    """Return `count` frames of random embeddings, each (tokens, d)."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(tokens, WIDTH, generator=generator) for _ in range(count)]


def read(
    model: Decoder,
    memory: Memory,
    embeds: torch.Tensor,
    time: float | None,
    chunk: int = 1 << 30,
    visual: torch.Tensor | None = None,
) -> torch.Tensor:
    """Read one frame in chunks and commit it; return its hidden states, (n, d)."""
    positions = torch.arange(len(embeds))[None]
    draft = memory.begin(positions, time, visual=visual)
    parts = [
        model.forward(part, at, draft)
        for part, at in zip(embeds.split(chunk), positions.split(chunk, 1), strict=True)
    ]
    memory.commit()
    return torch.cat(parts)


def read_all(
    model: Decoder, memory: Memory, clips: Sequence[torch.Tensor], first: float = 0.0
) -> torch.Tensor:
    """Read frames one second apart; return all hidden states, (n, d)."""
    parts = [read(model, memory, clip, first + i) for i, clip in enumerate(clips)]
    return torch.cat([torch.empty(0, WIDTH), *parts])
