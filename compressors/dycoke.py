"""DyCoke: of four frames one is whole, and the others show what is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.saliency import saliency
from longwatch.compressors.shown import Shown
from longwatch.compressors.similarity import aligned, bare, cosine, spread, top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

GROUP = 4
UNSHOWN = 2.0  # above every distance 1 - cos


@dataclass(frozen=True, eq=False)
class _Group:
    number: int = 0  # of the next frame within its group
    first: Shown | None = None
    middle: Shown | None = None


@dataclass(frozen=True)
class DyCoke(Budgeted[_Group]):
    """Temporal token merging in groups of four frames (arXiv 2411.15024, stage one).

    The first frame of a group is kept whole. The second and the third are compared with the first,
    the fourth with the third, cell by cell: the share `merged` of their tokens with the highest
    cos(x_i, x'_i) is merged into the earlier frame, the others are kept.

    The streaming form drops what the paper merges. `keep` is a ceiling on every frame, the first
    of a group included; at 1 the method is the paper's. Below it the first frame keeps evenly
    spaced tokens, and the others keep first those whose like is not in the stream, the salient
    ones of them before the rest. The paper's second stage, which prunes the cache while an answer
    is written, is left out: it needs the language model's attention.
    """

    paper: ClassVar[str | None] = "2411.15024"
    merged: float = 0.7  # share of a later frame's tokens; the paper's K

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not 0 <= self.merged < 1:
            raise ConfigError(f"merged is a share, at least 0 and below 1, not {self.merged}")

    def new_state(self) -> _Group:
        """Return a group that has not begun."""
        return _Group()

    def _compress(self, tokens: VisualTokens, state: _Group) -> tuple[VisualTokens, _Group]:
        before = state.middle or state.first
        if before is None or not aligned(before.tokens, tokens):
            kept = spread(len(tokens), self.budget(len(tokens)), tokens.embeds.device)
            first = _shown(tokens, kept, None)
            return tokens.select(kept), _Group(1, first)
        k = min(self.budget(len(tokens)), max(1, int((1 - self.merged) * len(tokens) + 1e-6)))
        kept = top(_novelty(tokens, before), k)
        if state.number == GROUP - 1:
            return tokens.select(kept), _Group()
        middle = _shown(tokens, kept, before.shown) if state.number == GROUP // 2 else None
        return tokens.select(kept), _Group(state.number + 1, state.first, middle)


def _novelty(tokens: VisualTokens, before: Shown) -> Tensor:
    """Return (n,): how much each token differs from the one before it, the unshown above all."""
    salient = saliency(tokens)
    rank = salient / salient.amax().clamp(min=torch.finfo(torch.float32).tiny)
    distance = 1 - cosine(tokens.embeds, before.tokens.embeds)
    return torch.where(before.shown, distance, UNSHOWN + rank)


def _shown(tokens: VisualTokens, kept: Tensor, earlier: Tensor | None) -> Shown:
    shown = torch.zeros(len(tokens), dtype=torch.bool, device=kept.device)
    shown[kept] = True
    return Shown(bare(tokens), shown if earlier is None else shown | earlier)
