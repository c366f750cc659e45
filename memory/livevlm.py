"""LiveVLM: clip by clip a fixed number of tokens, spread over time; pages recalled by question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longwatch.errors import ConfigError
from longwatch.memory.base import Policy
from longwatch.memory.kept import bag, segment_of
from longwatch.memory.recalling import Recalling
from longwatch.retrieval import MeanDot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from torch import Tensor

    from longwatch.memory.base import Trace
    from longwatch.memory.kept import Bag
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class LiveVLM(Policy):
    """LiveVLM v2 (arXiv 2505.15269): vision sink bucketing and position-agnostic retrieval.

    The newest `recent` frames stay whole. When `clip` frames before them have gathered, each layer
    keeps `tokens` of all its older tokens: first the top `greedy` of these by the attention that
    the newest frame's queries pay, softmax(Q K^T) averaged over rows and heads; then, in falling
    order of attention, each token whose bucket is empty, where the L tokens lie in `tokens`
    buckets of equal width by their order. An answer sees the pages of 16 tokens whose mean key,
    un-rotated, scores best with the question's mean query, `share` of them, and the recent frames.

    No code of it can be read. Not given in what is published, and so our choice: the observation
    window is the newest frame, attention is without positions, and the heads of a layer share
    their tokens.
    """

    traced = True

    tokens: int = 12_000  # of the long-term memory, in each layer
    clip: int = 32  # frames
    recent: int = 2  # frames
    greedy: float = 0.5  # of `tokens`
    page_tokens: int = 16
    share: float = 0.4  # of the pages

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("tokens", "clip", "recent", "page_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"livevlm's {name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.greedy <= 1:
            raise ConfigError(f"greedy must be from 0 to 1, not {self.greedy}")
        _ = self.recalling

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:  # noqa: D102
        return self._with(tokens=max(1, max_bytes // token_bytes))

    @property
    def recalling(self) -> Recalling:
        """Return how pages are chosen."""
        return Recalling(
            blocks=None, share=self.share, page_tokens=self.page_tokens, scorer=MeanDot()
        )

    def loose(self, segments: Sequence[Segment]) -> range:  # noqa: D102
        old = [i for i, s in enumerate(segments) if s.kept is not None]
        return range(old[0], old[-1] + 1) if old else range(0)

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        text = sum(s.time is None for s in segments)
        end = max(text, len(segments) - self.recent)
        old = segments[text:end]
        if sum(s.kept is None for s in old) < self.clip or trace is None:
            return segments
        queries = trace.queries
        bags = [self._bucketed(bag(old, i), query) for i, query in enumerate(queries)]
        return (*segments[:text], segment_of(bags), *segments[end:])

    def _bucketed(self, bag: Bag, query: Tensor) -> Bag:
        """Return at most `tokens` of a layer's tokens; `query` is (heads, r, d)."""
        h, _n, d = bag.keys.shape
        keys = bag.keys.float()
        rows = query.float().reshape(h, -1, d)  # the heads that share a key-value head
        weight = (rows @ keys.mT * d**-0.5).softmax(-1).mean((0, 1)).cpu()  # (n,)
        kept = spread_out(weight, self.tokens, int(self.greedy * self.tokens))
        return bag.take(kept.expand(h, -1))


def spread_out(weight: Tensor, count: int, greedy: int) -> Tensor:
    """Return `count` indices, rising: the `greedy` heaviest, then the heaviest of empty buckets.

    The n weights lie in `count` buckets of equal width by their order.
    """
    n = len(weight)
    if n <= count:
        return torch.arange(n)
    order = weight.argsort(descending=True, stable=True)
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[order[:greedy]] = True
    bucket = (torch.arange(1, n + 1) * count + n - 1) // n - 1  # ceil(p / (n / count)), p from 1
    full = torch.zeros(count, dtype=torch.bool)
    full[bucket[order[:greedy]]] = True
    rest = order[greedy:]
    first = torch.full((count,), n).scatter_reduce(0, bucket[rest], torch.arange(len(rest)), "amin")
    best = torch.zeros(len(rest), dtype=torch.bool)
    best[first[(first < n) & ~full]] = True
    chosen[rest[best][: count - greedy]] = True  # buckets never run out: each token fills one
    return chosen.nonzero()[:, 0]
