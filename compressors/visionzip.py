"""VisionZip: the salient tokens, and a few that stand for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine, mean_weights
from longwatch.compressors.saliency import saliency
from longwatch.compressors.similarity import spread, top, unit
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class VisionZip(Budgeted[None]):
    """Dominant and contextual tokens (arXiv 2412.04467).

    Of the k tokens to keep, the dominant ones are those with the largest saliency. The share
    `contextual` of k is taken from the others at even distances; each token left over joins the
    contextual one with the largest cosine, and a contextual token is the mean of itself and those
    that joined it. (The published code adds that mean to the token, which doubles its length; that
    is not copied.)

    The paper compares the tower's keys; here the tokens themselves are compared. It knows single
    frames only, so the streaming form leaves nothing out. See `saliency` for towers without
    attention.
    """

    paper: ClassVar[str | None] = "2412.04467"
    keep: float = 1 / 9
    contextual: float = 10 / 64  # share of the tokens kept

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not 0 <= self.contextual < 1:
            raise ConfigError(f"contextual is a share, at least 0 and below 1: {self.contextual}")

    def new_state(self) -> None:
        """Return nothing: each frame stands alone."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        n, device = len(tokens), tokens.embeds.device
        k = self.budget(n)
        targets = round(k * self.contextual)
        owner = torch.full((n,), -1, dtype=torch.int64, device=device)
        owner[top(saliency(tokens), k - targets)] = 0
        rest = (owner < 0).nonzero()[:, 0]
        contextual = rest[spread(len(rest), targets, device)]
        owner[contextual] = 0
        centres = (owner == 0).nonzero()[:, 0]
        owner[centres] = torch.arange(k, device=device)
        left = (owner < 0).nonzero()[:, 0]
        if targets and len(left):
            rows = unit(tokens.embeds)
            owner[left] = owner[contextual[(rows[left] @ rows[contextual].T).argmax(1)]]
        return combine(tokens, centres, mean_weights(owner, k)), state
