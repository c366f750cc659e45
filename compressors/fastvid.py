"""FastVID: salient tokens in every frame, and dense ones in some that stand for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.density import density_peaks
from longwatch.compressors.merging import centre_weights, combine
from longwatch.compressors.saliency import saliency
from longwatch.compressors.similarity import cosine, top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

NEIGHBOURS = 4


@dataclass(frozen=True, eq=False)
class _Segment:
    number: int  # of the next frame, counted from the last anchor; 0: it is an anchor
    last: Tensor  # (1, d) fp32 mean token of the last frame


@dataclass(frozen=True)
class FastVid(Budgeted[_Segment | None]):
    """Dynamic density pruning (arXiv 2503.11187).

    A segment ends where the cosine between the mean tokens of two neighbouring frames is below
    `cut`. Every frame keeps its most salient tokens, the share 1 - `context` of its budget. Every
    `stride`-th frame of a segment, from the first on, is an anchor frame, which keeps the rest of
    the budget as density peaks (see `density`): each token that is not salient joins the nearest
    peak, and a peak becomes `own` x + (1 - `own`) mean(joined).

    The streaming form leaves out what the paper knows from the whole video: the cuts at the c - 1
    least similar transitions; the context of the frames between two anchors, which the paper merges
    into the anchor before them (so they keep fewer tokens); and anchors with more than a frame's
    budget on behalf of those frames. See `saliency` for towers without attention.
    """

    paper: ClassVar[str | None] = "2503.11187"
    keep: float = 0.1
    cut: float = 0.9  # cosine; the paper's tau
    context: float = 0.4  # share of the budget; the paper's d
    stride: int = 4  # frames from anchor to anchor; the paper's p
    own: float = 0.6  # the paper's beta

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not -1 <= self.cut <= 1:
            raise ConfigError(f"cut is a cosine, from -1 to 1, not {self.cut}")
        if not 0 <= self.context < 1:
            raise ConfigError(f"context is a share, at least 0 and below 1, not {self.context}")
        if not 0 <= self.own <= 1:
            raise ConfigError(f"own is a share, from 0 to 1, not {self.own}")
        if self.stride < 1:
            raise ConfigError(f"stride is at least one frame, not {self.stride}")

    def new_state(self) -> _Segment | None:
        """Return nothing: no segment has begun."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: _Segment | None
    ) -> tuple[VisualTokens, _Segment | None]:
        middle = tokens.embeds.float().mean(0, keepdim=True)
        goes_on = state is not None and bool(cosine(middle, state.last) >= self.cut)
        number = state.number if state is not None and goes_on else 0
        k = self.budget(len(tokens))
        peaks = int(self.context * k)
        salient = top(saliency(tokens), k - peaks)
        segment = _Segment((number + 1) % self.stride, middle)
        if number or not peaks:
            return tokens.select(salient), segment
        return _with_peaks(tokens, salient, peaks, self.own), segment


def _with_peaks(tokens: VisualTokens, salient: Tensor, peaks: int, own: float) -> VisualTokens:
    """Return the `salient` tokens (indices) and `peaks` that the others are merged into."""
    n, k = len(tokens), len(salient) + peaks
    other = torch.ones(n, dtype=torch.bool, device=salient.device)
    other[salient] = False
    others = other.nonzero()[:, 0]
    clusters = density_peaks(tokens.embeds[others], peaks, NEIGHBOURS)
    centres = torch.cat([salient, others[clusters.centres]]).sort().values
    place = torch.full((n,), -1, dtype=torch.int64, device=centres.device)
    place[centres] = torch.arange(k, device=centres.device)
    owner = place.index_copy(0, others, place[others[clusters.centres]][clusters.owner])
    return combine(tokens, centres, centre_weights(owner, centres, own))
