"""Shards of frames as the tower sees them: maps, and what each of their tokens covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from training.sprites import CACHE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

GRIDS = (6, 9)  # the finer ones
FINE = 3  # random cells of each of them
TOKENS = 1 + 9 + 2 * FINE


class Cells(NamedTuple):
    """Frames and what their tokens cover; t is 1, and the name -1 where nothing was drawn."""

    maps: NDArray[np.float16]  # (frames, MIDDLE, 9, 9), the tower's middle map
    picked: NDArray[np.int64]  # (frames, 2, FINE): which cells of the finer grids are tokens
    names: NDArray[np.int16]  # (frames, t) concepts by their number
    area: NDArray[np.float16]  # (frames, TOKENS, t): the part of the cell that a thing covers
    box: NDArray[np.float16]  # (frames, TOKENS, t): the same of the thing's bounding box
    share: NDArray[np.float16]  # (frames, TOKENS, t): the part of the thing that is in the cell
    boxes: NDArray[np.float16]  # (frames, t, 4): left, top, right, bottom; fractions of the frame


def coarse(maps: Tensor) -> Tensor:
    """Return the whole frame and its 3 x 3 cells, (b, 10, c), of maps, (b, c, 9, 9)."""
    cells = functional.adaptive_avg_pool2d(maps, 3).flatten(2)
    return torch.cat([maps.mean((2, 3))[..., None], cells], 2).transpose(1, 2)


def pool(maps: Tensor, picked: Tensor) -> Tensor:
    """Return tokens, (b, 10 + 2 * k, c), of maps, (b, c, 9, 9): coarse ones, then finer cells.

    `picked`: (b, 2, k), which cells of the 6 x 6 and of the 9 x 9 grid.
    """
    parts = [coarse(maps)]
    for i, grid in enumerate(GRIDS):
        cells = functional.adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2)
        parts.append(cells.gather(1, picked[:, i, :, None].expand(-1, -1, maps.shape[1])))
    return torch.cat(parts, 1)


def path_of(split: str, shard: int) -> Path:
    """Return where a shard is kept."""
    return CACHE / "features" / f"{split}-{shard:04}.npz"


def load(split: str, shards: list[int]) -> Cells:
    """Return the cells of shards that are on disk, one after the other."""
    parts = []
    for shard in shards:
        with np.load(path_of(split, shard)) as kept:
            parts.append([kept[field] for field in Cells._fields])
    return Cells(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
