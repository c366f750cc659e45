"""DivPrune: the tokens that lie farthest apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import unit

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class DivPrune(Budgeted[None]):
    """Max-min diversity (arXiv 2503.02175).

    With the distance d(i, j) = 1 - cos(x_i, x_j) it seeks the k tokens whose smallest distance is
    the largest, by the paper's greedy choice: first the token whose nearest neighbour is the
    farthest, then again and again the one that is farthest from those already chosen,
    argmax_i min_{j chosen} d(i, j). The cost is O(n^2 d) once and O(n) a token.

    The streaming form chooses within each frame; the paper does so over all frames of a video, and
    so drops what an earlier frame has shown.
    """

    paper: ClassVar[str | None] = "2503.02175"
    keep: float = 0.098

    def new_state(self) -> None:
        """Return nothing: each frame stands alone."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        return tokens.select(farthest(tokens.embeds, self.budget(len(tokens)))), state


def farthest(x: Tensor, k: int) -> Tensor:
    """Return the increasing indices of `k` of the rows of `x` (n, d), chosen as `DivPrune` says."""
    rows = unit(x)
    away = (1 - rows @ rows.T).fill_diagonal_(torch.inf)
    chosen = [away.amin(1).argmax()]
    nearest = away[chosen[0]].index_fill(0, chosen[0], -torch.inf)
    for _ in range(k - 1):
        chosen.append(nearest.argmax())
        nearest = torch.minimum(nearest, away[chosen[-1]]).index_fill_(0, chosen[-1], -torch.inf)
    return torch.stack(chosen).sort().values
