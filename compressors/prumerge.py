"""LLaVA-PruMerge: the outliers of saliency, each with its neighbours merged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine
from longwatch.compressors.saliency import saliency
from longwatch.compressors.similarity import spread, top, unit
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class PruMerge(Budgeted[None]):
    """Adaptive pruning and merging (arXiv 2403.15388), PruMerge+ by default.

    The tokens whose saliency a_i is above the upper fence Q3 + 1.5 (Q3 - Q1) stay, the most salient
    ones where they are more than the budget; PruMerge+ fills the budget with evenly spaced others.
    Each token that stays becomes sum_j a_j x_j / sum_j a_j over itself and those of the
    `neighbours` tokens nearest to it, by cosine, that do not stay. The paper does not divide by the
    sum of the weights; without it a token's length would depend on how much attention was left.

    The paper compares the tower's keys; here the tokens themselves are compared. It knows single
    frames only, so the streaming form leaves nothing out. See `saliency` for towers without
    attention.
    """

    paper: ClassVar[str | None] = "2403.15388"
    keep: float = 0.25
    plus: bool = True
    neighbours: int = 32

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.neighbours < 0:
            raise ConfigError(f"neighbours must not be negative, and {self.neighbours} is")

    def new_state(self) -> None:
        """Return nothing: each frame stands alone."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        salient = saliency(tokens).clamp(min=0)
        salient = salient / salient.amax().clamp(min=TINY)  # so that no sum overflows
        stays = torch.zeros(len(tokens), dtype=torch.bool, device=salient.device)
        k = self.budget(len(tokens))
        stays[top(salient, min(k, max(1, _outliers(salient))))] = True
        if self.plus:
            others = (~stays).nonzero()[:, 0]
            stays[others[spread(len(others), k - int(stays.sum()), salient.device)]] = True
        return combine(tokens, stays.nonzero()[:, 0], self._weights(tokens, stays, salient)), state

    def _weights(self, tokens: VisualTokens, stays: Tensor, salient: Tensor) -> Tensor:
        """Return the (k, n) weights of the clusters."""
        rows = unit(tokens.embeds)
        centres = stays.nonzero()[:, 0]
        alike = rows[centres] @ rows.T
        alike[torch.arange(len(centres), device=alike.device), centres] = torch.inf
        nearest = alike.sort(dim=1, descending=True, stable=True).indices[:, : self.neighbours + 1]
        member = torch.zeros_like(alike, dtype=torch.bool).scatter_(1, nearest, value=True)
        own = torch.arange(len(tokens), device=alike.device) == centres[:, None]
        weights = torch.where(own | (member & ~stays), salient, 0.0)
        total = weights.sum(1, keepdim=True)
        return torch.where(total > 0, weights / total, own.float())


def _outliers(salient: Tensor) -> int:
    low, high = salient.quantile(salient.new_tensor([0.25, 0.75]))
    return int((salient > high + 1.5 * (high - low)).sum())
