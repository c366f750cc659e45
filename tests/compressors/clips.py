"""Short clips of visual tokens, of every kind that a compressor may meet."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hypothesis import strategies as st

from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.compressors import Compressor

KINDS = ("noise", "static", "drift", "zeros", "sparse", "twins", "huge", "tiny")


@dataclass(frozen=True)
class Clip:
    """How a clip is made; equal settings make equal clips."""

    frames: int = 4
    grid: tuple[int, int] = (3, 3)
    kind: str = "noise"
    dtype: torch.dtype = torch.float32
    saliency: bool = False
    width: int = 8
    summary: int = 0
    seed: int = 0


def clips() -> st.SearchStrategy[Clip]:
    return st.builds(
        Clip,
        frames=st.integers(1, 6),
        grid=st.tuples(st.integers(1, 6), st.integers(1, 6)),
        kind=st.sampled_from(KINDS),
        dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
        saliency=st.booleans(),
        width=st.sampled_from([1, 2, 8, 17]),
        summary=st.integers(0, 2),
        seed=st.integers(0, 1000),
    )


def make(clip: Clip) -> list[VisualTokens]:
    """Return the clip's frames; the extras are the embeddings and twice the embeddings.

    The tokens of the whole frame, if any, lie in its middle.
    """
    n = clip.summary + clip.grid[0] * clip.grid[1]
    generator = torch.Generator().manual_seed(clip.seed)
    random = np.random.default_rng(clip.seed)
    noise = torch.randn(clip.frames, n, clip.width, generator=generator)
    made = []
    for embeds in _shape(clip.kind, noise):
        image = random.integers(0, 256, (8 * clip.grid[0], 8 * clip.grid[1], 3), np.uint8)
        tokens = tokens_of(embeds.to(clip.dtype).clone(), clip.grid, image=image)
        saliency = torch.rand(n, generator=generator) if clip.saliency else None
        made.append(replace(tokens, saliency=saliency))
    return made


def tokens_of(
    embeds: Tensor, grid: tuple[int, int], *, image: np.ndarray[Any, Any] | None = None
) -> VisualTokens:
    """Return a frame of `embeds` (n, d) on `grid`; what is more than its cells is the summary."""
    y, x = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    positions = torch.stack([torch.zeros_like(y), y, x]).flatten(1)
    summary = len(embeds) - positions.shape[1]
    middle = torch.tensor([0, grid[0] // 2, grid[1] // 2])[:, None].expand(3, summary)
    return VisualTokens(
        embeds,
        torch.cat([middle, positions], 1),
        grid,
        (embeds.clone(), 2 * embeds),
        image=image,
        summary=summary,
    )


def run(
    compressor: Compressor[Any], clip: Sequence[VisualTokens], state: Any = None
) -> list[VisualTokens]:
    state, kept = compressor.new_state() if state is None else state, []
    for tokens in clip:
        out, state = compressor.compress(tokens, state)
        kept.append(out)
    return kept


def same(a: VisualTokens, b: VisualTokens) -> bool:
    """Tell whether both hold the same tokens, bit by bit."""
    return (
        torch.equal(a.embeds, b.embeds)
        and torch.equal(a.positions, b.positions)
        and all(map(torch.equal, a.extras, b.extras))
    )


def held(state: Any) -> int:
    """Return how many numbers `state` keeps hold of."""
    if isinstance(state, torch.Tensor | np.ndarray):
        return int(np.prod(state.shape))
    if isinstance(state, tuple | list):
        return sum(map(held, state))
    if is_dataclass(state):
        return sum(held(getattr(state, field.name)) for field in fields(state))
    return state is not None


def _shape(kind: str, noise: Tensor) -> Tensor:
    """Return `noise` (frames, n, d) as a clip of `kind`."""
    if kind == "static":
        return noise[:1].expand_as(noise)
    if kind == "drift":
        return noise[:1] + 0.02 * noise.cumsum(0)
    if kind == "zeros":
        return torch.zeros_like(noise)
    if kind == "sparse":
        return noise * (noise[..., :1] > 0.5)
    if kind == "twins":
        return noise[:, :1].expand_as(noise)
    if kind == "huge":
        return noise * (2e4 / noise.abs().max())
    return noise * (1e-6 if kind == "tiny" else 1.0)
