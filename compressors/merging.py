"""Several tokens become one, with everything that they carry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


def combine(tokens: VisualTokens, centres: Tensor, weights: Tensor) -> VisualTokens:
    """Return k tokens, each a weighted sum of `tokens` at the position of its centre.

    Args:
        tokens: n tokens.
        centres: (k,) int64, increasing.
        weights: (k, n); extras and saliency are summed with the same weights as the embeddings.

    Sums run in fp32. A row of `weights` that is one at its centre and zero elsewhere gives that
    token bit by bit.
    """
    weights = weights.float()
    saliency = tokens.saliency
    return replace(
        tokens,
        embeds=_sum(weights, tokens.embeds),
        positions=tokens.positions[:, centres],
        extras=tuple(_sum(weights, extra) for extra in tokens.extras),
        saliency=None if saliency is None else _sum(weights, saliency[:, None])[:, 0],
    )


def mean_weights(owner: Tensor, k: int) -> Tensor:
    """Return the (k, n) fp32 weights of means: token i belongs to group `owner[i]`, -1 to none.

    A group without members has a row of zeros.
    """
    members = (owner == torch.arange(k, device=owner.device)[:, None]).float()
    return members / members.sum(1, keepdim=True).clamp(min=1)


def centre_weights(owner: Tensor, centres: Tensor, own: float) -> Tensor:
    """Return (k, n) fp32 weights: `own` for a centre, the rest evenly for those that joined it.

    Token i belongs to the group of `centres[owner[i]]`, -1 to none; a centre alone weighs one.
    """
    k = len(centres)
    weights = (1 - own) * mean_weights(owner.index_fill(0, centres, -1), k)
    alone = weights.sum(1) == 0
    weights[torch.arange(k, device=owner.device), centres] = torch.where(alone, 1.0, own)
    return weights


def _sum(weights: Tensor, values: Tensor) -> Tensor:
    return (weights @ values.float()).to(values.dtype)
