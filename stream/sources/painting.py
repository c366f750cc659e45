"""Paints pictures of known contents: a ground of a named colour, and sprites on it."""

from __future__ import annotations

from math import cos, radians, sin, tan
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The words that a ground's colour is named by, and the RGB that each stands for.
COLOURS = {
    "black": (20, 20, 20),
    "white": (240, 240, 240),
    "grey": (128, 128, 128),
    "red": (205, 40, 40),
    "orange": (240, 140, 30),
    "yellow": (240, 215, 50),
    "green": (50, 160, 70),
    "blue": (50, 95, 205),
    "purple": (125, 60, 165),
    "pink": (240, 150, 190),
    "brown": (115, 72, 40),
}
GROUNDS = ("flat", "gradient", "noise", "stripes", "blobs", "checks")
SHADE = 22.0  # levels of 255 by which a ground departs from its colour at most


class Pose(NamedTuple):
    """How a sprite lies: turned by `angle` and slanted by `shear` degrees, mirrored by `flip`."""

    angle: float = 0.0
    shear: float = 0.0
    flip: bool = False


UPRIGHT = Pose()


def background(
    colour: str, kind: str, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint a ground whose mean is the colour of that name.

    Args:
        colour: a word of COLOURS.
        kind: one of GROUNDS: how the colour varies over the picture.
        size: width and height in pixels.
        rng: decides directions, widths and the noise.

    Returns:
        (height, width, 3) RGB.

    Raises:
        ConfigError: there is no such colour or kind.
    """
    if colour not in COLOURS:
        raise ConfigError(f"no ground is {colour!r}; choose one of {', '.join(COLOURS)}")
    if kind not in GROUNDS:
        raise ConfigError(f"no kind of ground is {kind!r}; choose one of {', '.join(GROUNDS)}")
    tint = rng.uniform(0.6, 1.0, 3) * SHADE * rng.choice((-1.0, 1.0))
    pattern = _pattern(kind, size, rng)
    image = np.asarray(COLOURS[colour], np.float32) + pattern[..., None] * tint.astype(np.float32)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def paste(
    image: NDArray[np.uint8],
    sprite: NDArray[np.uint8],
    centre: tuple[float, float],
    height: float,
    pose: Pose = UPRIGHT,
) -> NDArray[np.uint8]:
    """Draw a sprite onto a picture, in place; what falls outside is cut off.

    Args:
        image: (h, w, 3) RGB, written to.
        sprite: (a, b, 4) RGBA, premultiplied: no colour is above its alpha.
        centre: x and y of the sprite's middle, as fractions of the picture's width and height.
        height: of the upright sprite, as a fraction of the picture's height.
        pose: how the sprite lies.

    Returns:
        (h, w) the sprite's alpha as it lies in the picture: what it covers.
    """
    h, w = image.shape[:2]
    scale = height * h / sprite.shape[0]
    if scale < 0.5:  # linear sampling alone would skip pixels
        shrunk = cv2.resize(sprite, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        sprite, scale = np.asarray(shrunk, np.uint8), 0.5
    matrix = _affine(sprite.shape[:2], (centre[0] * w, centre[1] * h), scale, pose)
    laid = cv2.warpAffine(sprite, matrix, (w, h), flags=cv2.INTER_LINEAR)
    alpha = np.asarray(laid[..., 3], np.uint8)
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        under = image[part].astype(np.uint16) * (255 - alpha[part].astype(np.uint16))[..., None]
        image[part] = np.minimum(laid[part][..., :3] + (under + 127) // 255, 255).astype(np.uint8)
    return alpha


def _affine(
    shape: tuple[int, ...], centre: tuple[float, float], scale: float, pose: Pose
) -> NDArray[np.float64]:
    """Return the (2, 3) matrix that takes a sprite's pixels to the picture's."""
    turn = radians(pose.angle)
    rotate = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    slant = np.array([[-1.0 if pose.flip else 1.0, tan(radians(pose.shear))], [0.0, 1.0]])
    linear = scale * rotate @ slant
    middle = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    return np.column_stack([linear, np.array(centre) - 0.5 - linear @ middle])


def _pattern(kind: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (height, width) within -1 and 1."""
    width, height = size
    if kind == "flat":
        return np.zeros((height, width), np.float32)
    if kind in ("noise", "blobs"):
        cells = 4 if kind == "blobs" else max(8, min(size) // 4)
        coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        way = cv2.INTER_CUBIC if kind == "blobs" else cv2.INTER_LINEAR
        return np.clip(np.asarray(cv2.resize(coarse, size, interpolation=way)), -1, 1)
    turn = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] * np.float32(cos(turn))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(sin(turn))
    if kind == "gradient":
        return np.asarray(x + y, np.float32) / np.float32(abs(cos(turn)) + abs(sin(turn)))
    waves = np.float32(rng.uniform(4, 20))
    if kind == "stripes":
        return np.asarray(np.sign(np.sin(waves * (x + y))), np.float32)
    columns = np.sin(waves * np.linspace(-1, 1, width, dtype=np.float32))
    rows = np.sin(waves * np.linspace(-1, 1, height, dtype=np.float32))
    return np.asarray(np.sign(rows[:, None] * columns[None]), np.float32)
