"""DART: the tokens that repeat a few pivots least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import unit
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class Dart(Budgeted[None]):
    """Duplication-aware reduction of tokens (arXiv 2502.11494).

    The pivots are the tokens with the largest norm sum_c |x_c|. Each pivot p in turn keeps its
    share of the budget: of the tokens not yet kept, those with the lowest cos(x_i, x_p). Pivots are
    kept too; they are at most half of the budget.

    The paper works in a layer of the language model, with norms of keys and with four pivots from
    the picture and four from the question. Here it works on the tower's tokens before any question
    is known: all pivots are from the picture, and the norm is the token's own.
    """

    paper: ClassVar[str | None] = "2502.11494"
    keep: float = 1 / 9
    pivots: int = 8

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.pivots < 1:
            raise ConfigError(f"DART needs at least one pivot, not {self.pivots}")

    def new_state(self) -> None:
        """Return nothing: each frame stands alone."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        k = self.budget(len(tokens))
        count = min(self.pivots, (k + 1) // 2)
        norms = tokens.embeds.float().abs().sum(1)
        pivots = norms.sort(descending=True, stable=True).indices[:count]
        rows = unit(tokens.embeds)
        alike = rows[pivots] @ rows.T  # (pivots, n)
        kept = torch.zeros(len(tokens), dtype=torch.bool, device=norms.device)
        kept[pivots] = True
        for i, to_pivot in enumerate(alike):
            share = (k - count) // count + (i < (k - count) % count)
            free = torch.where(kept, torch.inf, to_pivot)
            kept[free.sort(stable=True).indices[:share]] = True
        return tokens.select(kept.nonzero()[:, 0]), state
