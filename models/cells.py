"""Where the bundled model's visual tokens are: the whole frame first, then a grid of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def places(grid: tuple[int, int]) -> Tensor:
    """Return x and y, (1 + cells, 2), of the tokens: NaN for the whole frame, then raster."""
    rows, columns = grid
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    middles = torch.stack([(x + 0.5) / columns, (y + 0.5) / rows], -1).flatten(0, 1)
    return torch.cat([torch.full((1, 2), torch.nan), middles])


def positions(grid: tuple[int, int]) -> Tensor:
    """Return the tokens' places, (3, 1 + cells): the whole frame's in the middle, then raster."""
    rows, columns = grid
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = torch.stack([torch.zeros_like(y), y, x]).flatten(1)
    return torch.cat([torch.tensor([[0], [rows // 2], [columns // 2]]), cells], 1)
