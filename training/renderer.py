"""Frames of known contents: some pictograms of one style on a ground of a named colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from longwatch.stream.painting import COLOURS, GROUNDS, UPRIGHT, Pose, background, paste
from training import augment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIZES = ((320, 240), (426, 240), (260, 260), (352, 288), (240, 320))  # width, height
MOST = 9  # things in a frame
COUNTS = {0: 0.04, 1: 0.16, 2: 0.12, 3: 0.12, 4: 0.2, 6: 0.12, 9: 0.24}  # things: probability


class Thing(NamedTuple):
    """A pictogram in a frame."""

    name: str
    centre: tuple[float, float]  # x, y as fractions of the frame's width and height
    height: float  # of the upright sprite, as a fraction of the frame's height


class Rendered(NamedTuple):
    """A frame and what is in it."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    things: list[Thing]  # from the back to the front
    alphas: list[NDArray[np.uint8]]  # (h, w) each: what is seen of each thing
    colour: str


def render(
    sprites: Mapping[str, NDArray[np.uint8]],
    rng: np.random.Generator,
    *,
    names: list[str] | None = None,
    augmented: bool = True,
) -> Rendered:
    """Draw a random frame.

    Args:
        sprites: name -> premultiplied RGBA, of one style.
        rng: decides everything that is not given.
        names: the things to draw; None draws some of `sprites`, COUNTS says how many.
        augmented: vary the sprites' look and pose and the picture's quality.
    """
    if names is None:
        count = int(rng.choice(list(COUNTS), p=list(COUNTS.values())))
        names = [str(name) for name in rng.choice(list(sprites), count, replace=False)]
    size = SIZES[int(rng.integers(len(SIZES)))]
    colour = str(rng.choice(list(COLOURS)))
    image = background(colour, str(rng.choice(GROUNDS)), size, rng)
    things = place(names, rng, size[0] / size[1])
    alphas: list[NDArray[np.uint8]] = []
    for thing in things:
        pixels = sprites[thing.name]
        if augmented:
            pixels = augment.sprite(pixels, rng)
        lies = pose(rng) if augmented else UPRIGHT
        alpha = paste(image, pixels, thing.centre, thing.height, lies)
        alphas = [below - np.minimum(below, alpha) for below in alphas]
        alphas.append(alpha)
    if augmented:
        image = augment.frame(image, rng)
    return Rendered(image, things, alphas, colour)


def place(names: list[str], rng: np.random.Generator, aspect: float) -> list[Thing]:
    """Return where things lie: within the frame and mostly clear of each other.

    Args:
        names: of the things.
        rng: decides.
        aspect: the frame's width over its height.
    """
    if len(names) > 3:
        return _array(names, rng)
    things: list[Thing] = []
    for name in names:
        alone = len(names) == 1
        if alone and rng.random() < 0.2:
            height = float(rng.uniform(0.65, 1.0))
        else:
            height = float(rng.uniform(0.25, 0.65 if alone else 0.55))
        tries = [_spot(name, height, rng, aspect) for _ in range(12)]
        things.append(min(tries, key=lambda spot: _overlap(spot, things, aspect)))
    return things


def _array(names: list[str], rng: np.random.Generator) -> list[Thing]:
    """Return many things in rows of two or three, so that one look of the tower shows them all."""
    side = 2 if len(names) <= 4 else 3
    spots = rng.permutation(side * side)[: len(names)]
    things = []
    for name, spot in zip(names, spots.tolist(), strict=True):
        y, x = (float(at + rng.uniform(0.35, 0.65)) / side for at in divmod(spot, side))
        things.append(Thing(name, (x, y), float(rng.uniform(0.75, 1.1)) / side))
    return things


def _spot(name: str, height: float, rng: np.random.Generator, aspect: float) -> Thing:
    half_y, half_x = 0.42 * height, 0.42 * height / aspect  # a little may be cut off
    x = rng.uniform(min(half_x, 0.5), max(1 - half_x, 0.5))
    y = rng.uniform(min(half_y, 0.5), max(1 - half_y, 0.5))
    return Thing(name, (float(x), float(y)), height)


def _overlap(spot: Thing, others: list[Thing], aspect: float) -> float:
    """Return how much two squares share, at worst, of the smaller one."""
    worst = 0.0
    for other in others:
        reach = (spot.height + other.height) / 2
        apart_x = abs(spot.centre[0] - other.centre[0]) * aspect
        apart_y = abs(spot.centre[1] - other.centre[1])
        shared = max(0.0, reach - apart_x) * max(0.0, reach - apart_y)
        worst = max(worst, shared / min(spot.height, other.height) ** 2)
    return worst


def pose(rng: np.random.Generator) -> Pose:
    """Return how a thing may lie: upright, or turned, slanted or mirrored a little."""
    if rng.random() < 0.3:
        return UPRIGHT
    angle, shear = rng.uniform(-15, 15), rng.uniform(-8, 8)
    return Pose(float(angle), float(shear), bool(rng.random() < 0.4))
