"""SparseVLM: text that looks at the picture rates it, and part of what is dropped is merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.density import density_peaks
from longwatch.compressors.pruner import Left, Look, Pruner, below_last
from longwatch.compressors.similarity import top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-6
DEPTHS = (2, 6, 15)  # layers of 32 after which the paper drops tokens


@dataclass(frozen=True)
class SparseVLM(Pruner):
    """Rates visual tokens by the relevant text tokens and recycles the dropped (arXiv 2410.04417).

    Raters are the text tokens whose mean attention to the visual tokens is at least the mean over
    all of them; a visual token's score is the mean of what they pay to it. Of the N tokens that
    are dropped, the share tau of highest score is recycled: grouped by density peaks into a share
    theta of their number, and each group's sum of hidden states goes on in its centre's place.
    Recycled tokens count among those left, so that a budget means the same for every method.

    In a stream the raters are the frame's own text and its last token. The rank of the attention
    matrix, by which the paper decides how many to drop, is at most the number of raters and says
    nothing with so few: the shares are fixed, as in the published code, and fall evenly in the
    logarithm over the paper's three depths.
    """

    paper: ClassVar[str | None] = "2410.04417"

    keep: float = 0.25
    tau: float = 0.3  # share of the dropped that is recycled
    theta: float = 0.5  # groups for each recycled token
    neighbours: int = 5  # that a token's density is measured over, the token among them

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        for name in ("tau", "theta"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")
        if self.neighbours < 1:
            raise ConfigError(f"neighbours must be at least 1, not {self.neighbours}")

    def stages(self, layers: int) -> dict[int, float]:  # noqa: D102
        ends = (below_last(round(depth * layers / 32) - 1, layers) for depth in DEPTHS)
        return {end: self.keep ** (s / len(DEPTHS)) for s, end in enumerate(ends, 1)}

    def prune(self, look: Look, count: int) -> Left:  # noqa: D102
        score, v = scores(look.attention), len(look.hidden)
        merged = min(round(self.theta * round(self.tau * (v - count))), count - 1)
        if not merged:
            kept = top(score, count)
            return Left(kept, look.hidden[kept])
        stay = top(score, count - merged)
        pool = round(self.tau * (v - len(stay)))
        rest = score.clone()
        rest[stay] = -torch.inf
        recycled = top(rest, pool)
        groups = density_peaks(look.hidden[recycled], merged, self.neighbours)
        hidden = look.hidden.clone()
        sums = torch.zeros(merged, hidden.shape[1], device=hidden.device)
        sums.index_add_(0, groups.owner, look.hidden[recycled].float())
        hidden[recycled[groups.centres]] = sums.to(hidden.dtype)
        kept = torch.cat([stay, recycled[groups.centres]]).sort().values
        return Left(kept, hidden[kept])


def scores(attention: Tensor) -> Tensor:
    """Return (v,) the mean attention of the relevant raters, given all of theirs, (r, v)."""
    relevance = attention.mean(1)
    relevant = relevance >= relevance.mean() * (1 - ROUNDING)
    mean: Tensor = attention[relevant].mean(0)
    return mean
