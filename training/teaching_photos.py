"""Photographs that teach the head what no pictogram is, and random cuts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from training import augment
from training.renderer import Rendered
from training.sprites import CACHE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FOLDER = CACHE / "photos"
TEACH = (
    "tabler-preview-1.2.0/package/dist/static/photos",
    "tabler-preview-1.2.0/package/dist/static/products",
    "uikit-3.25.29/package/tests/images",
    "startbootstrap-creative-7.0.7/package/dist/assets/img/portfolio/fullsize",
    "startbootstrap-agency-7.0.12/package/dist/assets/img/portfolio",
    "now-ui-kit-1.3.0/package/assets/img",
    "material-kit-2.0.4/package/assets/img",
    "material-kit-2.0.4/package/assets/img/examples",
    "admin-lte-4.10.0/package/dist/assets/img",
)


def read(path: Path) -> NDArray[np.uint8]:
    """Return a photograph, (h, w, 3) RGB, of at most 640 pixels a side."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((640, 640))
    return np.asarray(picture)


def teaching(rng: np.random.Generator, views: int) -> list[Rendered]:
    """Return frames with nothing drawn: each teaching photograph, and random cuts of it."""
    found = [p for folder in TEACH for p in sorted((FOLDER / "npm" / "x" / folder).glob("*.jp*g"))]
    frames = []
    for path in found:
        if path.stat().st_size < 20_000:  # icons and the like
            continue
        image = read(path)
        frames.append(Rendered(image, [], [], ""))
        cuts = (augment.frame(_cut(image, rng), rng) for _ in range(views - 1))
        frames.extend(Rendered(cut, [], [], "") for cut in cuts)
    return frames


def _cut(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    h, w = image.shape[:2]
    part = float(rng.uniform(0.35, 1.0))
    height, width = int(part * h), int(part * w)
    y, x = int(rng.integers(h - height + 1)), int(rng.integers(w - width + 1))
    cut = image[y : y + height, x : x + width]
    return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut)
