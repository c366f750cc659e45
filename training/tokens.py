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
from torch.nn.functional import adaptive_avg_pool2d, relu6

from longwatch.models.concept_head import evened
from training import dense
from training.features import tower
from training.targets import claimed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from longwatch.models.efficientnet import EfficientNetLite2

COARSE = 10  # the whole frame and 3 x 3 cells
FINE = (6, 9)  # grids of which one cell a frame is kept
NAMES = 3  # of a token
CROWD = 3  # things in a frame; the whole of a fuller one has no name
PART = 64  # frames at a time


class Tokens(NamedTuple):
    """Tokens: coarse ones of all frames first, then finer ones."""

    x: Tensor  # (n, 1280) fp16, evened
    i: Tensor  # (n, NAMES) concepts by number, -1 for none
    p: Tensor  # (n, NAMES) their claims; what is left to 1 is nothing's
    used: Tensor  # (n,) bool: whether it teaches


def wide(network: EfficientNetLite2, maps: Tensor) -> Tensor:
    """Return the tower's last map, (b, 1280, 9, 9), of the narrow one, (b, 352, 9, 9)."""
    return relu6(network.head(maps.float()))


def coarse(maps: Tensor) -> Tensor:
    """Return tokens, (b, 10, c), of maps, (b, c, 9, 9)."""
    cells = adaptive_avg_pool2d(maps, 3).flatten(2)
    return torch.cat([maps.mean((2, 3))[..., None], cells], 2).transpose(1, 2)


def strongest(claim: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
    """Return names and claims, (..., NAMES) each, out of (..., t)."""
    p, index = claim.topk(NAMES, -1)
    return names.expand(claim.shape).gather(-1, index), p


@torch.inference_mode()
def tokens(network: EfficientNetLite2, looks: dense.Looks, rng: np.random.Generator) -> Tokens:
    """Return the tokens of frames."""
    names = torch.from_numpy(looks.names).long()
    cover, box = (torch.from_numpy(x).float() / 255 for x in (looks.cover, looks.box))
    total = cover.mean((2, 3))[:, None]  # (frames, 1, t)
    area, around = coarse(cover), coarse(box)
    sizes = torch.tensor([1.0] + [1 / 9] * 9)[:, None]
    claim = claimed(area, around, area * sizes / total.clamp(min=1e-6))
    i, p = strongest(claim, names[:, None])
    used = torch.ones(p.shape[:2], dtype=torch.bool)
    used[:, 0] = (names >= 0).sum(1) <= CROWD
    parts, fine = [], []
    for first in range(0, len(names), PART):
        maps = wide(network, torch.from_numpy(looks.maps[first : first + PART]))
        parts.append(evened(coarse(maps)).half().flatten(0, 1))
        rows = slice(first, first + PART)
        for grid in FINE:
            fine += list(_fine(maps, (cover[rows], box[rows], names[rows]), grid, rng))
    return Tokens(
        torch.cat([*parts, *(x for x, _, _ in fine)]),
        torch.cat([i.flatten(0, 1), *(i for _, i, _ in fine)]),
        torch.cat([p.flatten(0, 1), *(p for _, _, p in fine)]),
        torch.cat([used.flatten(), torch.ones(len(fine), dtype=torch.bool)]),
    )


def _fine(
    maps: Tensor, seen: tuple[Tensor, Tensor, Tensor], grid: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield of each frame the cell of a finer grid that one of its things covers best."""
    cover, box, names = seen
    area, around = (adaptive_avg_pool2d(x, grid).flatten(2) for x in (cover, box))
    pooled = adaptive_avg_pool2d(maps, grid).flatten(2)
    for row in range(len(maps)):
        thing = int(rng.integers((names[row] >= 0).sum()))
        cell = int((area[row, thing] + 1e-3 * torch.rand(grid * grid)).argmax())
        mine, frame = area[row, :, cell], cover[row].mean((1, 2)).clamp(min=1e-6)
        claim = claimed(mine, around[row, :, cell], mine / (grid * grid) / frame)
        i, p = strongest(claim[None], names[row][None])
        yield evened(pooled[row, :, cell][None]).half(), i, p


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
        path = dense.path_of("train", shard)
        if not path.exists() or path_of(shard).exists():
            continue
        with np.load(path) as kept:
            looks = dense.Looks(*(kept[field] for field in dense.Looks._fields))
        made = tokens(network, looks, np.random.default_rng([20, shard]))
        part = path_of(shard).with_suffix(".part.npz")
        np.savez(part, **{k: v.numpy() for k, v in made._asdict().items()})
        part.rename(path_of(shard))


if __name__ == "__main__":
    main()
