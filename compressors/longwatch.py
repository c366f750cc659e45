"""Longwatch's own compressor: what differs most from the frame, from itself, and from the past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.cdpruner import likeliest
from longwatch.compressors.merging import centre_weights, combine
from longwatch.compressors.similarity import unit
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True, eq=False)
class _Kept:
    """What was last kept of each cell, at the length that has not faded yet."""

    rows: Tensor  # (n, d) fp32; zeros where nothing was
    places: Tensor  # (3, n)
    grid: tuple[int, int]


@dataclass(frozen=True)
class Longwatch(Budgeted[_Kept | None]):
    """A fixed number of tokens a frame, chosen by volume.

    With c_i = x_i - mean_j x_j, what token i tells beyond the frame's mean, the k tokens are those
    whose rows w_i c_i span the largest volume, by greedy choice: again and again the one with the
    most left once its part along those chosen is taken off. This is `CDPruner`'s rule
    (arXiv 2506.10967) for another kernel. The mean has what all tokens share, the time and the
    background; what stands out and is unlike the others is told first, and lengths count.

    The weight w_i = 1 - `novelty` max(0, cos(c_i, r_i)) is for what is new. r_i is what was last
    *kept* of the cell, not what the frame before showed, so that a slow change adds up until it is
    told. A reference loses the share 1 - `fade` of its weight a frame, so that what stays is told
    again now and then. A small budget thereby goes around the things that stay, a large one keeps
    them in every frame.

    Each other token joins the kept one whose row is nearest by cosine, and the kept one becomes
    `own` of itself and 1 - `own` of the mean of those that joined it, at its own place: what is
    alike averages its noise out, and nothing is lost without a trace.

    Frames of few tokens are left as they are: `least` of a frame stay whatever `keep` says, unless
    a share was asked for by `at`.

    Only the past is looked at and nothing is drawn by chance. The cost is one product (n, d) by
    (d, n) a frame and O(n k) a token kept.
    """

    paper: ClassVar[str | None] = None

    keep: float = 0.25
    least: int = 16  # tokens of a frame, if it has as many; they tell more than they cost
    novelty: float = 0.8  # of a token like what was just kept of its cell, how much goes
    fade: float = 0.9  # of a reference's weight, what is left a frame later
    own: float = 0.5  # share of itself in a token that others joined; 1 merges none

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.least < 1:
            raise ConfigError(f"at least 1 token of a frame must stay, not {self.least}")
        for name in ("novelty", "fade", "own"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")

    def keeping(self, share: float) -> Self:  # noqa: D102
        return replace(self, keep=share, least=1)

    def budget(self, n: int) -> int:  # noqa: D102
        return max(super().budget(n), min(n, self.least))

    def new_state(self) -> _Kept | None:
        """Return nothing: of no cell was anything kept."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: _Kept | None
    ) -> tuple[VisualTokens, _Kept | None]:
        beyond = _beyond_mean(tokens.embeds)
        ways = unit(beyond)
        before = torch.zeros_like(ways) if state is None else _of(state, tokens, ways)
        alike = torch.linalg.vecdot(ways, before).clamp(0, 1)
        rows = beyond * (1 - self.novelty * alike)[:, None]
        kept = likeliest(rows @ rows.T, self.budget(len(tokens)))
        after = (self.fade * before).index_copy(0, kept, ways[kept])
        state = _Kept(after, tokens.positions, tokens.grid)
        if self.own == 1 or len(kept) == len(tokens):
            return tokens.select(kept), state
        owner = (ways @ ways[kept].T).argmax(1)
        owner[kept] = torch.arange(len(kept), device=owner.device)
        return combine(tokens, kept, centre_weights(owner, kept, self.own)), state


def _beyond_mean(embeds: Tensor) -> Tensor:
    """Return the rows of `embeds` (n, d) less their mean, fp32, the longest at length one."""
    wide = embeds.float()
    largest = wide.abs().max()
    if not largest:
        return wide
    wide = wide / largest  # so that no square overflows
    wide = wide - wide.mean(0)
    longest = torch.linalg.vector_norm(wide, dim=1).max()
    return wide / longest if longest else wide


def _of(state: _Kept, tokens: VisualTokens, like: Tensor) -> Tensor:
    """Return what was kept of the cells of `tokens`: (n, d); zeros where the frames do not fit."""
    fits = state.grid == tokens.grid and state.rows.shape == like.shape
    return (
        state.rows
        if fits and torch.equal(state.places, tokens.positions)
        else like.new_zeros(like.shape)
    )
