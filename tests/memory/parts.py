"""Frames of random keys and values, and what an answer's layers see of them, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from longwatch.memory.base import Rotary, Trace
from longwatch.memory.memory import Memory
from longwatch.memory.recall import Recaller
from longwatch.memory.row import Row
from longwatch.memory.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Policy
    from longwatch.memory.memory import Snapshot

LAYERS, HEADS, H, D = 2, 4, 2, 8
TOKEN = LAYERS * 2 * H * D * 4  # bytes as it is read


class Places:
    """A rope whose table is the positions themselves: what stands where can be read off it."""

    axes = 1

    def table(self, positions: Tensor) -> Rotary:
        return Rotary(positions.T.clone(), positions.T.clone())

    def rotate(self, x: Tensor, rotary: Rotary) -> Tensor:
        raise NotImplementedError


class Layer(NamedTuple):
    """What one layer sees, oldest first."""

    keys: Tensor  # (h, m, d)
    values: Tensor
    positions: list[list[int]]  # of each head, or one for all

    def same(self, segments: Sequence[Segment], layer: int) -> bool:
        """Tell whether it is just these segments."""
        keys = torch.cat([s.keys[layer] for s in segments], 1)
        values = torch.cat([s.values[layer] for s in segments], 1)
        return torch.equal(self.keys, keys) and torch.equal(self.values, values)


def frame(i: int, n: int = 4, seed: int = 0) -> Segment:
    """Return frame `i` with n tokens of numbers that fp16 holds, a second after the one before."""
    generator = torch.Generator().manual_seed(1000 * seed + i)
    drawn = torch.randn(2, LAYERS, H, n, D, generator=generator)
    keys, values = (drawn + torch.randn(2, LAYERS, H, 1, D, generator=generator)).half().float()
    return Segment(tuple(keys), tuple(values), torch.arange(n)[None], float(i), index=i)


def text(n: int = 3) -> Segment:
    """Return text that opens a stream."""
    keys, values = torch.randn(2, LAYERS, H, n, D, generator=torch.Generator().manual_seed(n))
    return Segment(tuple(keys), tuple(values), torch.arange(n)[None])


def question(seed: int = 0, n: int = 3) -> tuple[Tensor, ...]:
    """Return the queries of n tokens, (heads, n, d), a layer each."""
    generator = torch.Generator().manual_seed(10_000 + seed)
    return tuple(torch.randn(LAYERS, HEADS, n, D, generator=generator))


def read(policy: Policy, segments: Sequence[Segment]) -> Memory:
    """Return a memory that has read these; the queries of a frame are `question` of its number."""
    memory = Memory(policy, Places())
    for each in segments:
        memory.put(each, Trace(question(each.index)) if policy.traced else None)
    return memory


def seen(snapshot: Snapshot, asked: Sequence[Tensor]) -> list[Layer]:
    """Return what each layer sees when these are the queries of an answer's first pass."""
    recall = None
    if snapshot.policy.recalling is not None:
        recall = Recaller(snapshot.policy, snapshot.view)
    row = Row(snapshot.segments, Places(), None, recall)
    layers = []
    for layer, query in enumerate(asked):
        parts, rotary, tokens, _ = row.stored(layer, query, H)
        at = [] if rotary is None else rotary.cos[:, 0].reshape(-1, tokens).tolist()
        keys = [torch.zeros(H, 0, D), *(part.keys for part in parts)]
        values = [torch.zeros(H, 0, D), *(part.values for part in parts)]
        layers.append(Layer(torch.cat(keys, 1), torch.cat(values, 1), at))
    return layers
