"""What the frozen tower sees of photographs that teach the head and of frames that measure it.

    python -m training.features --split test --shards 0 7

A shard is FRAMES frames of one thing in one style; it follows from the split's seed and its number,
and one that is there already is left alone, so that the work can be cut off and taken up again.
Of each frame the tower's middle map is kept, up to which nothing is trained, and what there is in
TOKENS of its tokens: the whole, 3 x 3 cells, some 6 x 6 and some 9 x 9 cells.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from longwatch.models.efficientnet import SIZE, EfficientNetLite2, preprocess
from longwatch.types import Frame
from training.cells import FINE, GRIDS, Cells, path_of, pool
from training.renderer import Rendered, render
from training.sprites import FAR, NEAR, TRAINED, concepts, sprites
from training.teaching_photos import teaching
from training.tower import tower

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

FRAMES = 256  # of a shard
MOST_SHARDS = 200  # of a split
BATCH = 4  # larger ones fall out of the cache
SEEDS = {"test": 3, "near": 4, "far": 5, "photos": 6}
PHOTO_VIEWS = 7


def fused(network: EfficientNetLite2) -> Callable[[Tensor], Tensor]:
    """Return `network.middle` with convolutions and their ReLUs as one: 1.5 times as fast."""

    class Middle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Tensor:
            return self.network.middle(x)

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its successor wants a compiler
        traced = torch.jit.trace(Middle().eval(), torch.zeros(BATCH, 3, SIZE, SIZE))
        frozen: Callable[[Tensor], Tensor] = torch.jit.optimize_for_inference(
            torch.jit.freeze(traced)
        )
    return frozen


def style_of(split: str, shard: int) -> str:
    """Return the style that a shard is drawn in; the trained ones take turns."""
    return {"near": NEAR, "far": FAR}.get(split, TRAINED[shard % len(TRAINED)])


def frames_of(split: str, shard: int, count: int = FRAMES) -> list[Rendered]:
    """Draw a shard's frames, one upright thing each, in turn; or take the photographs."""
    rng = np.random.default_rng([SEEDS[split], shard])
    if split == "photos":
        return teaching(rng, PHOTO_VIEWS)
    drawn = sprites(style_of(split, shard))
    names = list(drawn)
    first = shard * count if split in ("near", "far") else shard // len(TRAINED) * count
    asked = [names[(first + i) % len(names)] for i in range(count)]
    return [render(drawn, rng, name) for name in asked]


@torch.inference_mode()
def see(
    network: Callable[[Tensor], Tensor], frames: list[Rendered], rng: np.random.Generator
) -> Cells:
    """Return the tokens of frames and what they cover."""
    column = {name: i for i, name in enumerate(concepts())}
    most = max(1, *(len(frame.things) for frame in frames))
    names = np.full((len(frames), most), -1, np.int16)
    boxes = np.zeros((len(frames), most, 4), np.float16)
    masks = np.zeros((len(frames), 2 * most, 9, 9), np.float32)
    for row, frame in enumerate(frames):
        for i, (thing, alpha) in enumerate(zip(frame.things, frame.alphas, strict=True)):
            names[row, i] = column[thing.name]
            masks[row, i], masks[row, most + i], boxes[row, i] = _covered(alpha)
    picked = torch.from_numpy(np.stack([_pick(mask[:most].sum(0), rng) for mask in masks]))
    covers = pool(torch.from_numpy(masks), picked).numpy()  # (frames, TOKENS, 2 t)
    whole = masks[:, None, :most].mean((3, 4))  # (frames, 1, t)
    sizes = np.array([1] + [1 / 9] * 9 + [4 / 81] * FINE + [1 / 81] * FINE)
    area = covers[..., :most]
    share = area * sizes[None, :, None] / np.maximum(whole, 1e-6)
    maps = [
        network(preprocess([Frame(f.image, 0.0, 0) for f in part], torch.device("cpu")))
        for part in (frames[i : i + BATCH] for i in range(0, len(frames), BATCH))
    ]
    half = np.float16
    return Cells(
        torch.cat(maps).half().numpy(),
        picked.numpy(),
        names,
        area.astype(half),
        covers[..., most:].astype(half),
        share.astype(half),
        boxes,
    )


def _covered(
    alpha: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return how much of the tower's (9, 9) cells a thing and its box cover, and the box."""
    h, w = alpha.shape
    rows, columns = (np.flatnonzero((alpha > 100).any(axis)) for axis in (1, 0))
    box = np.zeros((h, w), np.float32)
    if not len(rows):
        return np.zeros((9, 9), np.float32), np.zeros((9, 9), np.float32), np.zeros(4, np.float32)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box[top:bottom, left:right] = 1
    area, around = (
        np.asarray(cv2.resize(m, (9, 9), interpolation=cv2.INTER_AREA), np.float32)
        for m in (alpha.astype(np.float32) / 255, box)
    )
    return area, around, np.array([left / w, top / h, right / w, bottom / h], np.float32)


def _pick(covered: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return cells to keep, (2, FINE): any, but those with something in them more often."""
    out = []
    for grid in GRIDS:
        mask = functional.adaptive_avg_pool2d(torch.from_numpy(covered)[None], grid).flatten()
        odds = 0.15 + mask.numpy().astype(np.float64).clip(0, 1)
        out.append(rng.choice(grid * grid, FINE, replace=False, p=odds / odds.sum()))
    return np.stack(out)


def main() -> None:
    """Make the shards that are asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=SEEDS, default="test")
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 4), metavar=("FROM", "TO"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = fused(tower())
    for shard in range(*args.shards):
        path = path_of(args.split, shard)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([9, SEEDS[args.split], shard])
        cells = see(network, frames_of(args.split, shard), rng)
        part = path.with_suffix(".part.npz")
        np.savez(part, **cells._asdict())
        part.rename(path)
        print(path.name, flush=True)


if __name__ == "__main__":
    main()
