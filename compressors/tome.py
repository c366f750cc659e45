"""ToMe, token merging: the most alike tokens become one, by bipartite soft matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine, mean_weights
from longwatch.compressors.similarity import cosines

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class ToMe(Budgeted[None]):
    """Token merging (arXiv 2210.09461) of one frame, between the projector and the language model.

    Tokens are dealt alternately into A and B. Each token of A names the one of B with the highest
    cosine, and the r pairs with the highest ones are merged: the token of B becomes the mean of all
    that were merged into it, each counted as often as tokens went into it, and stays where it was.
    r is what is too many, half of the tokens at most; the step is repeated until `keep` is met.

    In the paper a step runs in each layer of the vision tower, on attention keys, and the layers
    above weigh a merged token by its size. Here the embeddings are compared, and the language
    model does not learn the sizes. Tokens stay in reading order between two steps.
    """

    paper: ClassVar[str | None] = "2210.09461"

    keep: float = 0.25

    def new_state(self) -> None:
        """Return nothing: a frame is merged within itself."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        n, count = len(tokens), self.budget(len(tokens))
        if count == n:
            return tokens, state
        embeds = tokens.embeds.float()
        centres = owner = torch.arange(n, device=embeds.device)
        merged = embeds
        while len(centres) > count:
            into = match(merged, len(centres) - count)
            stays = into == torch.arange(len(into), device=into.device)
            place = stays.cumsum(0) - 1
            centres, owner = centres[stays], place[into][owner]
            merged = mean_weights(owner, len(centres)) @ embeds
        return combine(tokens, centres, mean_weights(owner, len(centres))), state


def match(features: Tensor, r: int) -> Tensor:
    """Return where each of `features` (n, d) goes in one step: (n,) int64, itself if it stays.

    At most `r` tokens go, and at most half of them; of equals, the first.
    """
    into = torch.arange(len(features), device=features.device)
    best, partner = cosines(features[0::2], features[1::2]).max(1)
    # `max` may name any of several equals; the first of the best is always the same one.
    going = best.sort(descending=True, stable=True).indices[: min(r, len(features) // 2)]
    into[2 * going] = 2 * partner[going] + 1
    return into
