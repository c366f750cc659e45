"""CDPruner: the likeliest set of tokens under a determinantal point process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import unit

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

NOTHING = 1e-5  # a gain below this is rounding: the token is a mixture of those chosen


@dataclass(frozen=True)
class CDPruner(Budgeted[None]):
    """Conditional diversity by a determinantal point process (arXiv 2506.10967).

    With L = diag(r) S diag(r), where S_ij = cos(x_i, x_j) and r_i in [0, 1] is how relevant token
    i is, it seeks the k tokens with the largest det(L_chosen) by greedy choice: again and again
    the token that raises the determinant most, in O(n k) a token through a growing Cholesky factor.
    Once all of the frame lies in the span of those chosen, the most relevant of the rest follow.

    In the paper r is the relevance to the question, scaled by its least and largest value. A stream
    is read before anybody asks, so r is the tower's saliency, scaled alike, or 1 where the tower
    has none (the paper's own ablation). The streaming form chooses within each frame.
    """

    paper: ClassVar[str | None] = "2506.10967"
    keep: float = 1 / 9

    def new_state(self) -> None:
        """Return nothing: each frame stands alone."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        rows = unit(tokens.embeds) * _relevance(tokens)[:, None]
        return tokens.select(likeliest(rows @ rows.T, self.budget(len(tokens)))), state


def likeliest(kernel: Tensor, k: int) -> Tensor:
    """Return the increasing indices of `k` items by the greedy rule for `kernel` (n, n)."""
    n = len(kernel)
    gain = kernel.diagonal().clone()  # what each item multiplies the determinant by
    last = NOTHING * gain  # the order of those that would add nothing
    factor = kernel.new_zeros(k, n)
    chosen = torch.zeros(k, dtype=torch.int64, device=kernel.device)
    for i in range(k):
        item = torch.where(gain > NOTHING, gain, torch.minimum(gain, last)).argmax()
        chosen[i] = item
        root = gain[item].clamp(min=NOTHING).sqrt()
        factor[i] = (kernel[item] - factor[:i, item] @ factor[:i]) / root
        gain = (gain - factor[i].square()).clamp_(min=0).index_fill_(0, chosen[: i + 1], -torch.inf)
    return chosen.sort().values


def _relevance(tokens: VisualTokens) -> Tensor:
    """Return (n,) fp32 in (0, 1]: the scaled saliency, or ones."""
    if tokens.saliency is None:
        return torch.ones(len(tokens), device=tokens.embeds.device)
    given = tokens.saliency.float()
    low, high = given.aminmax()
    if low == high:
        return torch.ones_like(given)
    return ((given - low) / (high - low)).clamp(min=1e-3)
