"""CTR, causal temporal reduction: a fixed number of tokens a frame, shared by what moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.density import density_peaks
from longwatch.compressors.merging import centre_weights, combine
from longwatch.compressors.saliency import saliency
from longwatch.compressors.similarity import aligned, bare, cosine, top
from longwatch.errors import ConfigError
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Ctr(Budgeted[VisualTokens | None]):
    """The first stage of StreamingTOM (arXiv 2510.18269).

    With s_i the cosine of token i to the token of the same cell one frame ago, S = {i : s_i >
    `threshold`} is static and the rest is dynamic. Of G tokens, floor(G |S| / n) go to the static
    ones and the others to the dynamic ones; what one side cannot use, the other gets, so that G
    tokens always stay. The dynamic tokens are those of the largest saliency (see
    `longwatch.compressors.saliency`); the static ones are merged around density peaks, each into
    beta centre + (1 - beta) mean of those that joined it. A first frame is all dynamic.

    The published implementation takes the least dense tokens for the densest and breaks ties by
    noise. Here centres are the densest, as the method means it, and nothing is random.
    """

    paper: ClassVar[str | None] = "2510.18269"

    keep: float = 50 / 196
    threshold: float = 0.9  # cosine above which a token is static
    neighbours: int = 7  # that a token's density is measured over, the token among them
    beta: float = 0.6  # share of the centre in a merged token

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not -1 <= self.threshold <= 1:
            raise ConfigError(f"threshold is a cosine, from -1 to 1, not {self.threshold}")
        if self.neighbours < 1:
            raise ConfigError(f"neighbours must be at least 1, not {self.neighbours}")
        if not 0 <= self.beta <= 1:
            raise ConfigError(f"beta is a share, from 0 to 1, not {self.beta}")

    def new_state(self) -> None:
        """Return no frame to compare with."""

    def _compress(
        self, tokens: VisualTokens, state: VisualTokens | None
    ) -> tuple[VisualTokens, VisualTokens | None]:
        if state is not None and aligned(state, tokens):
            still = cosine(tokens.embeds, state.embeds) > self.threshold
        else:
            still = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.embeds.device)
        static, dynamic = still.nonzero()[:, 0], (~still).nonzero()[:, 0]
        count = self.budget(len(tokens))
        merged = min(count * len(static) // len(tokens), len(static))
        merged = max(merged, count - len(dynamic))
        moving = dynamic[top(saliency(tokens)[dynamic], count - merged)]
        if not merged:
            return tokens.select(moving), bare(tokens)
        centres, weights = self._merge(tokens.embeds, static, merged)
        alone = torch.zeros(len(moving), len(tokens), device=weights.device)
        alone[torch.arange(len(moving)), moving] = 1
        centres = torch.cat([centres, moving])
        order = centres.argsort()
        return combine(tokens, centres[order], torch.cat([weights, alone])[order]), bare(tokens)

    def _merge(self, embeds: Tensor, static: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return centres (k,) among all n tokens, and their weights (k, n)."""
        clusters = density_peaks(embeds[static], k, self.neighbours)
        weights = torch.zeros(k, len(embeds), device=embeds.device)
        weights[:, static] = centre_weights(clusters.owner, clusters.centres, self.beta)
        return static[clusters.centres], weights
