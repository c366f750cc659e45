"""A coarser grid of means: what a tower at a lower resolution would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.merging import combine, mean_weights

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class Pool(Budgeted[None]):
    """Average the tokens over rectangles of the grid.

    The coarse grid is the largest one with at most `keep` of the cells whose rectangles are at
    most twice as long as wide; among equals, the one whose rectangles are nearest to squares.
    """

    keep: float = 0.25

    def new_state(self) -> None:
        """Return nothing: there is nothing to remember."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        rows, columns = _coarse(tokens.grid, self.budget(len(tokens)))
        _, y, x = tokens.positions
        rectangle = y * rows // tokens.grid[0] * columns + x * columns // tokens.grid[1]
        owner = rectangle.unique(return_inverse=True)[1]
        weights = mean_weights(owner, int(owner.max()) + 1)
        centres = _nearest_to_middle(weights, torch.stack([y, x], 1).float())
        order = centres.argsort()
        return combine(tokens, centres[order], weights[order]), state


def _coarse(grid: tuple[int, int], budget: int) -> tuple[int, int]:
    """Return rows and columns of the coarse grid."""

    def worth(rows: int) -> tuple[bool, int, float]:
        columns = min(grid[1], budget // rows)
        height, width = grid[0] / rows, grid[1] / columns
        longer = max(height / width, width / height)
        return longer <= 2, rows * columns, -longer

    rows = max(range(1, min(grid[0], budget) + 1), key=worth)
    return rows, min(grid[1], budget // rows)


def _nearest_to_middle(weights: Tensor, places: Tensor) -> Tensor:
    """Return the (k,) member of each group that lies nearest to the group's middle."""
    away = torch.cdist(weights @ places, places)
    return torch.where(weights > 0, away, torch.inf).argmin(1)
