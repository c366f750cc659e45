"""STTM: large tokens where a picture is even, small ones where it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine, mean_weights
from longwatch.compressors.similarity import aligned, bare, cosine
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

STEPS = 12  # halvings of the thresholds' range
RANGE = 2.1  # of what may be taken off a threshold; beyond 2 everything is alike


@dataclass(frozen=True)
class Sttm(Budgeted["VisualTokens | None"]):
    """Multi-granular spatio-temporal token merging (arXiv 2507.07990).

    A quadtree stands on the frame: a node is the mean of its cells and has up to four children,
    the lowest nodes are the cells. From the root down, a node whose children all have
    cos(child, node) >= `spatial` becomes one token, at the place of its upper left cell; others
    give way to their children. Then each token is compared with those of the frame before that lie
    within its node or around it, and merged into one with cos >= `temporal`.

    The streaming form drops what the paper merges into an earlier frame. Where more nodes are left
    than the budget allows, both thresholds are lowered by the same amount, the least that will do
    (the paper sets its budgets by choosing thresholds). A frame with nothing new keeps the node
    that changed most. Of an odd number of rows or columns the last is left without a partner, and
    the root is one node; the published code pairs from the other end and has a few roots.
    """

    paper: ClassVar[str | None] = "2507.07990"
    spatial: float = 0.8  # cosine
    temporal: float = 0.6  # cosine

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        for name, value in (("spatial", self.spatial), ("temporal", self.temporal)):
            if not -1 <= value <= 1:
                raise ConfigError(f"{name} is a cosine, from -1 to 1, not {value}")

    def new_state(self) -> VisualTokens | None:
        """Return nothing; later it is the last frame, bare, each cell holding its node's mean."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: VisualTokens | None
    ) -> tuple[VisualTokens, VisualTokens | None]:
        tree = _Tree.over(tokens, state if aligned(state, tokens) else None)
        nodes = self._within(tree, self.budget(len(tokens)))
        cells = torch.arange(len(tokens), device=nodes.owner.device)
        kept = nodes.owner >= 0
        corners = cells.new_full((nodes.count,), len(tokens)).scatter_reduce_(
            0, nodes.owner[kept], cells[kept], "amin"
        )
        order = corners.argsort()
        weights = mean_weights(nodes.owner, nodes.count)[order]
        remembered = replace(bare(tokens), embeds=tree.means_at(nodes.level))
        return combine(tokens, corners[order], weights), remembered

    def _within(self, tree: _Tree, k: int) -> _Nodes:
        """Return at most `k` nodes, by lowering the thresholds as little as that takes."""
        nodes = tree.cut(self.spatial, self.temporal)
        if nodes.count <= k:
            return nodes
        low, high = 0.0, RANGE
        nodes = tree.cut(self.spatial - high, self.temporal - high)
        for _ in range(STEPS):
            middle = (low + high) / 2
            tried = tree.cut(self.spatial - middle, self.temporal - middle)
            if tried.count > k:
                low = middle
            else:
                high, nodes = middle, tried
        return nodes


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The nodes that become tokens."""

    level: Tensor  # (n,) of the leaf that each cell lies in, dropped ones too
    owner: Tensor  # (n,) the node of each cell, -1 for those of the frame before
    count: int


@dataclass(frozen=True, eq=False)
class _Tree:
    """Every node of the quadtree, as seen from each of n cells; level 0 are the cells."""

    node: Tensor  # (levels, n) int64
    even: Tensor  # (levels, n) the least cosine of the node and its children
    seen: Tensor  # (levels, n) the cosine of the node and what the frame before had in the cell
    means: tuple[Tensor, ...]  # of each level: (nodes, d) fp32

    @classmethod
    def over(cls, tokens: VisualTokens, before: VisualTokens | None) -> _Tree:
        """Return the tree of `tokens`; `before` holds the means of the last frame's leaves."""
        _, y, x = tokens.positions
        wide = tokens.embeds.float()
        even = [torch.full((len(wide),), torch.inf, device=wide.device)]
        nodes, means = [torch.arange(len(wide), device=y.device)], [wide]
        below, cells = wide, torch.ones_like(y)
        for level in range(1, (max(tokens.grid) - 1).bit_length() + 1):
            name = (y >> level) * tokens.grid[1] + (x >> level)
            node = name.unique(return_inverse=True)[1]
            # Not by index_add, whose sums have no fixed order on a GPU.
            means.append(mean_weights(node, int(node.max()) + 1) @ wide)
            here, size = means[-1][node], node.bincount()[node]
            least = even[0].scatter_reduce(0, node, cosine(below, here), "amin")
            # A node with one child, at the grid's edge, is as even as that child.
            even.append(torch.where(size == cells, even[-1], least[node]))
            nodes.append(node)
            below, cells = here, size
        seen = torch.full((len(nodes), len(wide)), -torch.inf, device=wide.device)
        if before is not None:
            pairs = zip(means, nodes, strict=True)
            seen = torch.stack([cosine(m[node], before.embeds) for m, node in pairs])
        return cls(torch.stack(nodes), torch.stack(even), seen, tuple(means))

    def cut(self, spatial: float, temporal: float) -> _Nodes:
        """Return the leaves at these thresholds, without those merged into the frame before."""
        levels, n = self.node.shape
        number = torch.arange(levels, device=self.node.device)[:, None]
        level = ((self.even >= spatial) * number).amax(0)
        leaf = level * n + self._at(self.node, level)
        best = self.even.new_full((levels * n,), -torch.inf)
        best = best.scatter_reduce(0, leaf, self._at(self.seen, level), "amax")[leaf]
        stays = best < temporal
        if not bool(stays.any()):
            stays = leaf == leaf[best.argmin()]
        found, place = leaf[stays].unique(return_inverse=True)
        owner = torch.full_like(leaf, -1)
        owner[stays] = place
        return _Nodes(level, owner, len(found))

    def means_at(self, level: Tensor) -> Tensor:
        """Return (n, d): the mean of the node of each cell at its `level` (n,)."""
        found = self.means[0].clone()
        for i, means in enumerate(self.means[1:], start=1):
            inside = level == i
            found[inside] = means[self.node[i, inside]]
        return found

    def _at(self, values: Tensor, level: Tensor) -> Tensor:
        return values.gather(0, level[None])[0]
