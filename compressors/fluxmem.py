"""FluxMem: thresholds that each frame sets itself, over time and then over space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine, mean_weights
from longwatch.compressors.otsu import otsu
from longwatch.compressors.similarity import bare, cosines, top
from longwatch.errors import ConfigError
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

BINS = 128  # of the histogram of cosine distances, 0 to 2


@dataclass(frozen=True)
class FluxMem(Budgeted[VisualTokens | None]):
    """FluxMem (arXiv 2603.02096), in the form that sees only the past.

    Over time: d_i is the least cosine distance of token i to the 3 x 3 cells around it one frame
    ago. Tokens with d_i at or above Otsu's threshold of the frame's distances stay, unless they
    are more than `same` alike to one of the nine. A first frame is whole. Where `relative`, which
    is what `at` returns, `same` is not asked, since its scale is one model's features, and if fewer
    than `keep` stay, the most changed of the others fill up. Over space, where
    `spatial`: neighbours, of eight, that are nearer than Otsu's threshold of all such distances are
    joined, and each joined region becomes its mean, at the token nearest to that mean. Without two
    classes to part, the threshold over time keeps every token and the one over space joins none.

    Left out: the paper keeps its newest 8 frames whole, thins the next 64 over time, and only
    older ones over space; a frame that is read once is thinned once, and `spatial` says how far.
    The paper compares with the next frame too; here `same` is taken to the frame before instead of
    the one after. At least the most changed token stays. Above the ceiling `keep`, neighbours are
    joined, nearest first, and if no neighbours are left the most changed regions stay.
    """

    paper: ClassVar[str | None] = "2603.02096"

    same: float = 0.8  # cosine above which a token has been seen, whatever the threshold
    spatial: bool = False  # join alike neighbours as well
    relative: bool = False

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not -1 <= self.same <= 1:
            raise ConfigError(f"same is a cosine, from -1 to 1, not {self.same}")

    def at(self, share: float) -> Self:  # noqa: D102
        return replace(self, keep=share, relative=True)

    def new_state(self) -> None:
        """Return no frame to compare with."""

    def _compress(
        self, tokens: VisualTokens, state: VisualTokens | None
    ) -> tuple[VisualTokens, VisualTokens | None]:
        change, ceiling = _change(tokens, state), self.budget(len(tokens))
        if state is None or change.isinf().all():
            alive = torch.arange(len(tokens), device=change.device)
        else:
            alive = self._new(change, ceiling)
        if not self.spatial and len(alive) <= ceiling:
            return tokens.select(alive), bare(tokens)
        region = self._join(tokens.select(alive), ceiling)
        kept = _merge(tokens, alive, region, change, ceiling)
        return kept, bare(tokens)

    def _new(self, change: Tensor, ceiling: int) -> Tensor:
        """Return the increasing indices of the tokens that changed, at least one."""
        limit = otsu(change, low=0, high=2, bins=BINS)
        if not self.relative:
            limit = max(limit, 1 - self.same)
        count = int((change >= limit).sum())
        return top(change, max(count, ceiling if self.relative else 1))

    def _join(self, tokens: VisualTokens, ceiling: int) -> Tensor:
        """Return the region of each token: (n,) int64, from 0 without gaps."""
        n = len(tokens)
        near = _neighbours(tokens.positions, tokens.positions).triu(1)
        first, second = near.nonzero().unbind(1)
        away = 1 - cosines(tokens.embeds, tokens.embeds)[first, second]
        order = away.sort(stable=True).indices
        limit = otsu(away, low=0, high=2, bins=BINS) if self.spatial and n > 1 else 0.0
        edges = zip(
            away[order].tolist(), first[order].tolist(), second[order].tolist(), strict=True
        )
        parent, regions = list(range(n)), n
        for distance, a, b in edges:
            if distance >= limit and regions <= ceiling:
                break
            one, other = _root(parent, a), _root(parent, b)
            if one != other:
                parent[max(one, other)] = min(one, other)
                regions -= 1
        roots = torch.tensor([_root(parent, i) for i in range(n)], device=away.device)
        region: Tensor = roots.unique(return_inverse=True)[1]
        return region


def _change(tokens: VisualTokens, before: VisualTokens | None) -> Tensor:
    """Return the least distance of each token to the cells around it one frame ago: (n,) fp32.

    It is infinite where there are none.
    """
    fits = before is not None and before.grid == tokens.grid
    if before is None or not fits or before.embeds.shape[1] != tokens.embeds.shape[1]:
        return torch.full((len(tokens),), torch.inf, device=tokens.embeds.device)
    away = 1 - cosines(tokens.embeds, before.embeds)
    around = _neighbours(tokens.positions, before.positions)
    return torch.where(around, away, torch.inf).amin(1)


def _neighbours(a: Tensor, b: Tensor) -> Tensor:
    """Tell which cells of `a` (3, n) and `b` (3, m) touch or are the same: (n, m) bool."""
    return ((a[1:, :, None] - b[1:, None]).abs() <= 1).all(0)


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _merge(
    tokens: VisualTokens, alive: Tensor, region: Tensor, change: Tensor, ceiling: int
) -> VisualTokens:
    """Return one token for each of the `ceiling` most changed regions of the tokens `alive`."""
    k = int(region.max()) + 1
    owner = torch.full((len(tokens),), -1, device=region.device)
    owner[alive] = region
    members = owner == torch.arange(k, device=region.device)[:, None]
    kept = top(torch.where(members, change, -torch.inf).amax(1), ceiling)
    members, weights = members[kept], mean_weights(owner, k)[kept]
    embeds = tokens.embeds.float()
    away = 1 - cosines(weights @ embeds, embeds)
    centres = torch.where(members, away, torch.inf).argmin(1)
    order = centres.argsort()
    return combine(tokens, centres[order], weights[order])
