"""InfiniPot-V: a cache that is cut back, head by head, whenever it is full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize

from longwatch.errors import ConfigError
from longwatch.memory.base import Policy
from longwatch.memory.kept import bag, segment_of

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from longwatch.memory.base import Trace
    from longwatch.memory.kept import Bag
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class InfiniPotV(Policy):
    """InfiniPot-V (arXiv 2506.15745): temporal redundancy (TaR), then the norm of values (VaN).

    Frames gather until `tokens` are full. Then, in each layer and head for itself, the cache is
    cut to `keep` of them. The newest `recent` of what stays are whole frames. Of the older tokens
    those with the lowest mean cosine between their key and the keys of the same cell in the recent
    frames come next, until `redundancy` of the cut cache is filled; the rest goes by ||V||.

    As in the released scripts the norms are not smoothed over neighbours. A cell is a token's
    number in its frame. Positions are assigned anew: frames with a token left stand in a row,
    as the paper says and its release does not do.
    """

    tokens: int = 4096  # most that the cache holds
    keep: float = 0.75  # of `tokens`, after a cut
    recent: float = 0.25  # of what stays: whole frames
    redundancy: float = 0.5  # of what stays: recent frames and TaR's choice

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.tokens < 2:
            raise ConfigError(f"infinipotv needs at least 2 tokens, not {self.tokens}")
        for name in ("keep", "recent", "redundancy"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} must be between 0 and 1, not {getattr(self, name)}")

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:  # noqa: D102
        return self._with(tokens=max(2, max_bytes // token_bytes))

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        text = sum(s.time is None for s in segments)
        frames = segments[text:]
        if sum(map(len, frames)) <= self.tokens or len(frames) < 2:
            return segments
        size = max(1, int(self.keep * self.tokens))
        fresh = self._fresh(frames, size)
        layers = range(len(frames[0].keys))
        cut = segment_of([self._cut(bag(frames, layer), size, fresh) for layer in layers])
        return (*segments[:text], cut)

    def _fresh(self, frames: tuple[Segment, ...], size: int) -> int:
        """Return how many tokens the recent whole frames have: at least the newest frame's."""
        fresh = 0
        for frame in reversed(frames):
            if frame.kept is not None or (fresh and fresh + len(frame) > self.recent * size):
                break
            fresh += len(frame)
        return fresh

    def _cut(self, bag: Bag, size: int, fresh: int) -> Bag:
        size = max(size, fresh)
        older = bag.keys.shape[1] - fresh
        forced = max(0, int(self.redundancy * size) - fresh)
        weight = bag.values[:, :older].float().norm(dim=-1)  # (h, older)
        if forced:
            first = _redundancy(bag, older).argsort(dim=1, stable=True)[:, :forced]
            weight = weight.scatter(1, first, torch.inf)
        chosen = weight.argsort(dim=1, descending=True, stable=True)[:, : size - fresh].cpu()
        newest = torch.arange(older, older + fresh).expand(len(chosen), fresh)
        return bag.take(torch.cat([chosen.sort(1).values, newest], 1))


def _redundancy(bag: Bag, older: int) -> Tensor:
    """Return (h, older): a token's mean cosine with its cell in the recent frames, 0 if none."""
    keys = normalize(bag.keys.float(), dim=-1)
    cells = bag.origin.cell.long().to(keys.device)
    count = int(cells.max()) + 1
    h, _, d = keys.shape
    at = cells[:, older:, None]
    total = keys.new_zeros(h, count, d).scatter_add(1, at.expand(-1, -1, d), keys[:, older:])
    times = keys.new_zeros(h, count, 1).scatter_add(1, at, torch.ones_like(keys[:, older:, :1]))
    mean = total / times.clamp_min(1)
    return (keys[:, :older] * mean.gather(1, cells[:, :older, None].expand(-1, -1, d))).sum(-1)
