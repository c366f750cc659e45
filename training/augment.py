"""Changes that training makes to sprites and frames, so that the style matters less than the form.

All take and return uint8; sprites are premultiplied RGBA, frames RGB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GREY = np.array([0.299, 0.587, 0.114], np.float32)


def sprite(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a sprite in other colours, and now and then with other edges."""
    out = pixels
    if rng.random() < 0.6:
        out = _tinted(out, rng)
    if rng.random() < 0.3:
        out = _lined(out, rng)
    if rng.random() < 0.2:
        out = _outlined(out, rng)
    elif rng.random() < 0.1:
        out = np.asarray(cv2.erode(out, np.ones((3, 3), np.uint8)), np.uint8)
    return np.asarray(out, np.uint8)


def frame(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a frame as a camera or a codec may have left it."""
    out = image
    if rng.random() < 0.25:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 1.6)), np.uint8)
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 9), out.shape)
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], 1), np.uint8)
    if rng.random() < 0.3:
        gain, lift = rng.uniform(0.8, 1.2), rng.uniform(-18, 18)
        out = np.clip(out * gain + lift, 0, 255).astype(np.uint8)
    return out


def _tinted(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the hue, change saturation and brightness: a linear map, so it may be premultiplied."""
    turn = np.float32(rng.normal(0, 0.35))
    rgb = pixels[..., :3].astype(np.float32)
    grey = (rgb @ GREY)[..., None]
    chroma = rgb - grey
    turned = np.cos(turn) * chroma + np.sin(turn) * np.roll(chroma, 1, 2)
    lively = rng.uniform(0.0, 0.5) if rng.random() < 0.12 else rng.uniform(0.6, 1.5)
    out = (grey + lively * turned) * rng.uniform(0.7, 1.25)
    return np.dstack([np.clip(out, 0, pixels[..., 3:]), pixels[..., 3]]).astype(np.uint8)


def _lined(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw dark lines where colours meet, and smooth what lies between, as a line drawing does."""
    wide = int(rng.integers(1, 4))
    smooth = cv2.medianBlur(pixels[..., :3], 2 * wide + 1)
    full = np.dstack([smooth, pixels[..., 3]])
    kernel = np.ones((3, 3), np.uint8)
    edges = (cv2.dilate(full, kernel).astype(np.int16) - cv2.erode(full, kernel)).max(2)
    ink = (edges > rng.uniform(40, 90)).astype(np.uint8)
    ink = np.asarray(cv2.dilate(ink, np.ones((wide, wide), np.uint8)), np.uint8)
    pale = rng.uniform(0, 1) if rng.random() < 0.4 else 0.0  # some fill with white alone
    fill = smooth + pale * (pixels[..., 3:].astype(np.float32) - smooth)
    fill = np.minimum(fill, pixels[..., 3:]) * (1 - ink[..., None])
    return np.dstack([fill, np.maximum(pixels[..., 3], 255 * ink)]).astype(np.uint8)


def _outlined(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Put a rim of black or white around it."""
    wide = int(rng.integers(3, 8))
    rim = cv2.dilate(pixels[..., 3], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    rim = np.asarray(rim, np.float32)
    shade = 255.0 if rng.random() < 0.3 else 20.0
    under = (rim - pixels[..., 3]).clip(0)[..., None] * (shade / 255)
    return np.dstack([np.minimum(pixels[..., :3] + under, 255), rim]).astype(np.uint8)
