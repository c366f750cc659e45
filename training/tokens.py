"""Tokens of the dense frames, each with what it should be named.

    python -m training.tokens --shards 0 35

A thing owns a cell fully once it covers FILLED of it, or has WITHIN of its own area there, so that
what is plainly in sight is named without hesitation; below, its claim falls to nothing.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from longwatch.models.concept_head import evened
from training import dense
from training.cells import GRIDS, pool
from training.targets import claimed
from training.tower import tower

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from longwatch.models.efficientnet import EfficientNetLite2

COARSE = 10  # the whole frame and 3 x 3 cells
EACH = COARSE + len(GRIDS)  # tokens of a frame: one cell of each finer grid is among them
NAMES = 3  # of a token
CROWD = 3  # things in a frame; the whole of a fuller one has no name
PART = 64  # frames at a time


class Wanted(NamedTuple):
    """What the EACH tokens of frames should be named: coarse ones, then one of each finer grid."""

    i: Tensor  # (frames, EACH, NAMES) concepts by number, -1 for none
    p: Tensor  # (frames, EACH, NAMES) their claims; what is left to 1 is nothing's
    used: Tensor  # (frames, EACH) bool: whether it teaches
    spots: Tensor  # (frames, 2, 1) which cells of the finer grids


class Tokens(NamedTuple):
    """Tokens of frames, one after the other."""

    x: Tensor  # (n, 1280) fp16, evened
    i: Tensor  # (n, NAMES) concepts by number, -1 for none
    p: Tensor  # (n, NAMES) their claims; what is left to 1 is nothing's
    used: Tensor  # (n,) bool: whether it teaches


def strongest(claim: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
    """Return names and claims, (..., NAMES) each, out of (..., t)."""
    p, index = claim.topk(NAMES, -1)
    return names.expand(claim.shape).gather(-1, index), p


def wanted(looks: dense.Looks, rng: np.random.Generator) -> Wanted:
    """Return what the tokens of frames should be named."""
    names = torch.from_numpy(looks.names).long()
    cover, box = (torch.from_numpy(x).float() / 255 for x in (looks.cover, looks.box))
    spots = torch.stack([_spots(cover, names, grid, rng) for grid in GRIDS], 1)[..., None]
    total = cover.mean((2, 3))[:, None]  # (frames, 1, t)
    area, around = pool(cover, spots), pool(box, spots)
    sizes = torch.tensor([1.0] + [1 / 9] * 9 + [1 / grid**2 for grid in GRIDS])[:, None]
    claim = claimed(area, around, area * sizes / total.clamp(min=1e-6))
    i, p = strongest(claim, names[:, None])
    used = torch.ones(p.shape[:2], dtype=torch.bool)
    used[:, 0] = (names >= 0).sum(1) <= CROWD
    return Wanted(i, p, used, spots)


def _spots(cover: Tensor, names: Tensor, grid: int, rng: np.random.Generator) -> Tensor:
    """Return of each frame the cell of a finer grid that one of its things covers best."""
    area = adaptive_avg_pool2d(cover, grid).flatten(2)  # (frames, t, cells)
    count = (names >= 0).sum(1).numpy()
    thing = torch.from_numpy(rng.integers(count))
    mine = area[torch.arange(len(area)), thing]
    return (mine + 1e-3 * torch.from_numpy(rng.random(mine.shape))).argmax(1)


@torch.inference_mode()
def tokens(network: EfficientNetLite2, looks: dense.Looks, rng: np.random.Generator) -> Tokens:
    """Return the tokens of frames as the tower's own last map has them."""
    names = wanted(looks, rng)
    parts = []
    for first in range(0, len(looks.maps), PART):
        rows = slice(first, first + PART)
        maps = network.last(torch.from_numpy(looks.maps[rows]).float())
        parts.append(evened(pool(maps, names.spots[rows])).half().flatten(0, 1))
    return Tokens(torch.cat(parts), *(x.flatten(0, 1) for x in names[:3]))


def path_of(shard: int) -> Path:
    """Return where a shard's tokens are kept."""
    return dense.path_of("tokens", shard)


def load(shard: int) -> Tokens:
    """Return the tokens of a shard."""
    with np.load(path_of(shard)) as kept:
        return Tokens(*(torch.from_numpy(kept[field]) for field in Tokens._fields))


def on_disk() -> list[int]:
    """Return the shards whose tokens have been made."""
    return sorted(int(path.stem[-4:]) for path in path_of(0).parent.glob("tokens-????.npz"))


def main() -> None:
    """Make the tokens of the dense shards that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 200), metavar=("FROM", "TO"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = tower()
    for shard in range(*args.shards):
        if not dense.path_of("train", shard).exists() or path_of(shard).exists():
            continue
        made = tokens(network, dense.load("train", shard), np.random.default_rng([20, shard]))
        part = path_of(shard).with_suffix(".part.npz")
        np.savez(part, **{k: v.numpy() for k, v in made._asdict().items()})
        part.rename(path_of(shard))


if __name__ == "__main__":
    main()
