"""FrameFusion: merge what repeats the frame before, then prune what matters least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.saliency import saliency
from longwatch.compressors.shown import Shown
from longwatch.compressors.similarity import aligned, bare, cosine, top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class FrameFusion(Budgeted[Shown | None]):
    """Similarity first, importance second (arXiv 2501.01986).

    A token with cos(x_i, x'_i) above `alike`, where x' is the frame before, is merged into it; a
    chain of such tokens ends up in its first. Of the tokens left, the most important ones stay, as
    many as the budget has room for.

    The streaming form drops what the paper merges, if the first of its chain was kept; a token
    whose like fell to the budget takes part again. The paper merges in the first layers of the
    language model and prunes by the attention of a later one; here both happen before it, and
    importance is the tower's saliency. A frame with nothing new keeps the token that changed most.
    """

    paper: ClassVar[str | None] = "2501.01986"
    keep: float = 0.3
    alike: float = 0.6  # cosine above which two tokens are one

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not -1 <= self.alike <= 1:
            raise ConfigError(f"alike is a cosine, from -1 to 1, not {self.alike}")

    def new_state(self) -> Shown | None:
        """Return nothing: no frame came before."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: Shown | None
    ) -> tuple[VisualTokens, Shown | None]:
        covered = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.embeds.device)
        least = 0
        if state is not None and aligned(state.tokens, tokens):
            close = cosine(tokens.embeds, state.tokens.embeds)
            covered, least = (close > self.alike) & state.shown, int(close.argmin())
        new = (~covered).nonzero()[:, 0]
        if len(new):
            kept = new[top(saliency(tokens)[new], self.budget(len(tokens)))]
        else:
            kept = new.new_tensor([least])
        return tokens.select(kept), Shown(bare(tokens), covered.index_fill(0, kept, value=True))
