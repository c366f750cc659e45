"""A language model and a vision tower of a published size, with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import Qwen2Config, Qwen2Model, SiglipVisionConfig, SiglipVisionModel

from longwatch.models.base import VideoLM
from longwatch.models.decoder import Decoder
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.models.base import Turn
    from longwatch.types import Frame

# Qwen2-0.5B, but for its vocabulary: reading frames never looks at it.
QWEN2_05B: dict[str, Any] = {
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "vocab_size": 64,
    "max_position_embeddings": 32768,
}
# SigLIP-so400m at 384 pixels without its last layer, as LLaVA-OneVision has it.
SIGLIP: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
GRID = (14, 14)
MOVING = 0.3  # share of the cells that change from frame to frame
TREMBLE = 0.02  # of the rest


class Reader(VideoLM):
    """Reads visual tokens, and does nothing else: it has no words."""

    name = "random"
    stop_ids = frozenset({0})
    window_tokens = 2048

    def __init__(self, sizes: dict[str, Any], seed: int = 0) -> None:
        """Make a Qwen2 of these sizes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            stack = Qwen2Model(Qwen2Config(**sizes)).eval()
            head = nn.Linear(sizes["hidden_size"], sizes["vocab_size"], bias=False)
        self.decoder = Decoder(stack, head)

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        """Refuse: see `clip` and `Tower`."""
        raise NotImplementedError("a reader has no vision")

    def prefix_ids(self) -> list[int]:
        """Return nothing."""
        return []

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:
        """Return nothing: frames are visual tokens alone."""
        return [], []

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        """Refuse: there are no words."""
        raise NotImplementedError("a reader has no words")


class Tower:
    """A SigLIP of the true size."""

    def __init__(self) -> None:
        """Make one with random weights."""
        self._model = SiglipVisionModel(SiglipVisionConfig(**SIGLIP)).eval()

    @torch.inference_mode()
    def look(self) -> Tensor:
        """Return what it makes of one picture, (patches, d)."""
        side = SIGLIP["image_size"]
        found: Tensor = self._model(torch.zeros(1, 3, side, side)).last_hidden_state[0]
        return found


def clip(frames: int, width: int, seed: int = 0) -> list[VisualTokens]:
    """Return frames of tokens on GRID, of which MOVING change each time, and the rest trembles."""
    generator = torch.Generator().manual_seed(seed)
    n = GRID[0] * GRID[1]
    y, x = torch.meshgrid(*map(torch.arange, GRID), indexing="ij")
    positions = torch.stack([torch.zeros_like(y), y, x]).flatten(1)
    scene = torch.randn(n, width, generator=generator)
    found = []
    for _ in range(frames):
        moving = torch.rand(n, generator=generator) < MOVING
        scene = torch.where(moving[:, None], torch.randn(n, width, generator=generator), scene)
        seen = scene + TREMBLE * torch.randn(n, width, generator=generator)
        found.append(VisualTokens(seen, positions, GRID))
    return found
