"""Frames of known contents: a pictogram on a ground of a named colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from longwatch.stream.sources.painting import COLOURS, GROUNDS, UPRIGHT, Pose, background, paste

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

SIZES = ((320, 240), (426, 240), (260, 260), (352, 288), (240, 320))  # width, height


class Thing(NamedTuple):
    """A pictogram in a frame."""

    name: str
    centre: tuple[float, float]  # x, y as fractions of the frame's width and height
    height: float  # of the upright sprite, as a fraction of the frame's height


class Rendered(NamedTuple):
    """A frame and what is in it."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB
    things: list[Thing]
    alphas: list[NDArray[np.uint8]]  # (h, w) each: what is seen of each thing
    colour: str


def render(
    sprites: Mapping[str, NDArray[np.uint8]], rng: np.random.Generator, name: str
) -> Rendered:
    """Draw one thing as it is, upright, on a random ground; `rng` decides where and how large."""
    size = SIZES[int(rng.integers(len(SIZES)))]
    colour = str(rng.choice(list(COLOURS)))
    image = background(colour, str(rng.choice(GROUNDS)), size, rng)
    large = rng.random() < 0.2
    height = float(rng.uniform(0.65, 1.0) if large else rng.uniform(0.25, 0.65))
    thing = _spot(name, height, rng, size[0] / size[1])
    alpha = paste(image, sprites[name], thing.centre, thing.height, UPRIGHT)
    return Rendered(image, [thing], [alpha], colour)


def _spot(name: str, height: float, rng: np.random.Generator, aspect: float) -> Thing:
    half_y, half_x = 0.42 * height, 0.42 * height / aspect  # a little may be cut off
    x = rng.uniform(min(half_x, 0.5), max(1 - half_x, 0.5))
    y = rng.uniform(min(half_y, 0.5), max(1 - half_y, 0.5))
    return Thing(name, (float(x), float(y)), height)


def pose(rng: np.random.Generator) -> Pose:
    """Return how a thing may lie: upright, or turned, slanted or mirrored a little."""
    if rng.random() < 0.3:
        return UPRIGHT
    angle, shear = rng.uniform(-15, 15), rng.uniform(-8, 8)
    return Pose(float(angle), float(shear), bool(rng.random() < 0.4))
