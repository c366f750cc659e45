"""STC's pruner: what is near neither this frame's mean nor the past's is worth reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import top, unit

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

WIDTHS = (1 / 8, 1 / 4, 1 / 2, 1, 2)  # of the Gaussians that closeness is measured by


@dataclass(frozen=True)
class _History:
    """The mean over all frames of a stream of each frame's mean token."""

    mean: Tensor  # (d,) fp32
    frames: int


@dataclass(frozen=True)
class Stc(Budgeted[_History | None]):
    """The pruner of STC, streaming token compression (arXiv 2512.00891).

    On the half of the channels that vary least over the frame, and with tokens at length one, the
    closeness of token f to an anchor m is g(f, m) = sum over a in {1/8, 1/4, 1/2, 1, 2} of
    exp(-|f - m|^2 / 2a). The anchors are the frame's mean, and the mean of the past frames' means
    at length one; the tokens with the least sum of both stay. A first frame has no past anchor.

    The published implementation keeps every mean it ever took. Their running mean is the same
    number, so that is what is kept here. STC's other half saves work inside the vision tower and is
    not a compressor.
    """

    paper: ClassVar[str | None] = "2512.00891"

    keep: float = 60 / 196

    def new_state(self) -> None:
        """Return no past."""

    def _compress(
        self, tokens: VisualTokens, state: _History | None
    ) -> tuple[VisualTokens, _History]:
        embeds = tokens.embeds.float()
        past = state if state is not None and len(state.mean) == embeds.shape[1] else None
        channels = _steady(embeds)
        features = unit(embeds[:, channels])
        score = _closeness(features, features.mean(0))
        if past is not None:
            score = score + _closeness(features, unit(past.mean[channels]))
        return tokens.select(top(-score, self.budget(len(tokens)))), _follow(past, embeds)


def _steady(embeds: Tensor) -> Tensor:
    """Return the half of the channels of `embeds` (n, d) with the least variance, increasing."""
    variance = embeds.var(0, correction=0)
    if not bool(variance.isfinite().all()):
        variance = (embeds / embeds.abs().max()).var(0, correction=0)
    return top(-variance, max(1, embeds.shape[1] // 2))


def _closeness(features: Tensor, anchor: Tensor) -> Tensor:
    lengths = torch.linalg.vecdot(features, features)  # one, but for a token of zeros
    away = (lengths - 2 * features @ anchor + anchor @ anchor).clamp(min=0)
    return torch.stack([torch.exp(-away / (2 * a)) for a in WIDTHS]).sum(0)


def _follow(past: _History | None, embeds: Tensor) -> _History:
    """Return `past` with one more frame; summed in an order in which nothing overflows."""
    frames = 1 if past is None else past.frames + 1
    mean = (embeds / (len(embeds) * frames)).sum(0)
    if past is not None:
        mean = mean + past.mean * (past.frames / frames)
    return _History(mean, frames)
