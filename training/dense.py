"""Frames full of pictograms and what the frozen tower sees of them: many lessons a look.

    python -m training.dense --shards 0 35

A shard is FRAMES frames of one style in which every concept is drawn as often as any other. Kept
is the tower's middle map, up to which nothing is trained.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch

from longwatch.models.efficientnet import MIDDLE, preprocess
from longwatch.stream.sources.painting import COLOURS, GROUNDS, UPRIGHT, background, paste
from longwatch.types import Frame
from training import augment
from training.features import fused
from training.renderer import SIZES, Thing, pose
from training.sprites import CACHE, FAR, NEAR, TRAINED, concepts, sprites
from training.tower import tower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

FRAMES = 256  # of a shard
MOST = 9  # things in a frame
BATCH = 4
SPLITS = {"train": 21, "test": 22, "near": 23, "far": 24}
# Layout: (things at least, at most, rows and columns, smallest and largest height): probability.
LAYOUTS = {
    (1, 1, 1, 0.32, 1.0): 0.2,
    (2, 3, 2, 0.36, 0.6): 0.15,
    (4, 4, 2, 0.36, 0.55): 0.25,
    (6, 9, 3, 0.28, 0.4): 0.4,
}
PLAIN = 0.5  # part of the things, and of the frames, that are drawn as they are


class Looks(NamedTuple):
    """What the tower sees of frames, and what is there; t is MOST, filled up with -1 and 0."""

    maps: NDArray[np.float16]  # (frames, MIDDLE, 9, 9)
    names: NDArray[np.int16]  # (frames, t) concepts by their number
    cover: NDArray[np.uint8]  # (frames, t, 9, 9): how much of a cell a thing covers, of 255
    box: NDArray[np.uint8]  # (frames, t, 9, 9): the same of the thing's bounding box
    height: NDArray[np.float16]  # (frames, t) of the upright sprite, of the frame's
    plain: NDArray[np.bool_]  # (frames, t): drawn as it is


def style_of(split: str, shard: int) -> str:
    """Return the style that a shard is drawn in; the trained ones take turns."""
    return {"near": NEAR, "far": FAR}.get(split, TRAINED[shard % len(TRAINED)])


def turns(names: list[str], rng: np.random.Generator) -> Iterator[str]:
    """Return endless names; each comes once before any comes again."""
    while True:
        yield from rng.permutation(names).tolist()


def place(names: Iterator[str], rng: np.random.Generator, aspect: float) -> list[Thing]:
    """Return some things in a random layout."""
    kinds = list(LAYOUTS)
    least, most, side, small, large = kinds[rng.choice(len(kinds), p=list(LAYOUTS.values()))]
    count = int(rng.integers(least, most + 1))
    spots = rng.permutation(side * side)[:count]
    things = []
    for spot in spots.tolist():
        height = float(rng.uniform(small, large))
        slack_y = max(0.0, 1.12 / side - height) / 2
        slack_x = max(0.0, 1.12 / side - height / aspect) / 2
        row, column = divmod(spot, side)
        x = (column + 0.5) / side + rng.uniform(-slack_x, slack_x)
        y = (row + 0.5) / side + rng.uniform(-slack_y, slack_y)
        edge = 0.45 * height
        y = min(max(y, min(edge, 0.5)), max(1 - edge, 0.5))
        edge = min(edge / aspect, 0.5)
        things.append(Thing(next(names), (float(min(max(x, edge), 1 - edge)), float(y)), height))
    return things


def render(
    drawn: Mapping[str, NDArray[np.uint8]], names: Iterator[str], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Thing], list[NDArray[np.uint8]], list[bool]]:
    """Draw a frame; return it, its things, what is seen of each, and which are drawn plainly."""
    size = SIZES[0] if rng.random() < 0.5 else SIZES[int(rng.integers(len(SIZES)))]
    colour, kind = str(rng.choice(list(COLOURS))), str(rng.choice(GROUNDS))
    image = background(colour, kind, size, rng)
    things = place(names, rng, size[0] / size[1])
    alphas: list[NDArray[np.uint8]] = []
    plain = [bool(rng.random() < PLAIN) for _ in things]
    for thing, simple in zip(things, plain, strict=True):
        pixels = drawn[thing.name]
        if not simple:
            pixels = augment.sprite(pixels, rng)
        lies = UPRIGHT if simple else pose(rng)
        alpha = paste(image, pixels, thing.centre, thing.height, lies)
        alphas = [below - np.minimum(below, alpha) for below in alphas]
        alphas.append(alpha)
    if rng.random() > PLAIN:
        image = augment.frame(image, rng)
    return image, things, alphas, plain


def cells(alpha: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return how much of the tower's (9, 9) cells a thing and its bounding box cover, of 255."""
    rows, columns = (np.flatnonzero((alpha > 100).any(axis)) for axis in (1, 0))
    box = np.zeros(alpha.shape, np.float32)
    if len(rows):
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 255
    one, other = (
        np.rint(cv2.resize(m, (9, 9), interpolation=cv2.INTER_AREA)).astype(np.uint8)
        for m in (alpha.astype(np.float32), box)
    )
    return one, other


@torch.inference_mode()
def look(network: Callable[[Tensor], Tensor], split: str, shard: int, count: int = FRAMES) -> Looks:
    """Draw and see a shard."""
    rng = np.random.default_rng([SPLITS[split], shard])
    drawn = sprites(style_of(split, shard))
    column = {name: i for i, name in enumerate(concepts())}
    names = turns(list(drawn), rng)
    out = Looks(
        np.zeros((count, MIDDLE, 9, 9), np.float16),
        np.full((count, MOST), -1, np.int16),
        np.zeros((count, MOST, 9, 9), np.uint8),
        np.zeros((count, MOST, 9, 9), np.uint8),
        np.zeros((count, MOST), np.float16),
        np.zeros((count, MOST), np.bool_),
    )
    for first in range(0, count, BATCH):
        images = []
        for row in range(first, min(first + BATCH, count)):
            image, things, alphas, plain = render(drawn, names, rng)
            images.append(Frame(image, 0.0, 0))
            for i, (thing, alpha) in enumerate(zip(things, alphas, strict=True)):
                out.names[row, i] = column[thing.name]
                out.cover[row, i], out.box[row, i] = cells(alpha)
                out.height[row, i], out.plain[row, i] = thing.height, plain[i]
        maps = network(preprocess(images, torch.device("cpu")))
        out.maps[first : first + len(images)] = maps.numpy()
    return out


def path_of(split: str, shard: int) -> Path:
    """Return where a shard is kept."""
    return CACHE / "dense" / f"{split}-{shard:04}.npz"


def load(split: str, shard: int) -> Looks:
    """Return a shard that is on disk."""
    with np.load(path_of(split, shard)) as kept:
        return Looks(*(kept[field] for field in Looks._fields))


def main() -> None:
    """Make the shards that are asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 35), metavar=("FROM", "TO"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = fused(tower())
    for shard in range(*args.shards):
        path = path_of(args.split, shard)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **look(network, args.split, shard)._asdict())
        part.rename(path)
        print(path.name, flush=True)


if __name__ == "__main__":
    main()
