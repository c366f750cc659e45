"""The pictograms that the package ships: pictures of things whose names are known."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).with_name("pictograms")
SIDE = 128  # pixels


@cache
def names() -> tuple[str, ...]:
    """Return what there are pictograms of, such as `monkey` or `pine tree`."""
    return tuple(json.loads((FOLDER / "names.json").read_text(encoding="utf-8")))


def sprite(name: str) -> NDArray[np.uint8]:
    """Return a pictogram, (SIDE, SIDE, 4) premultiplied RGBA, read-only.

    Raises:
        ConfigError: there is no pictogram of that name.
    """
    try:
        pixels: NDArray[np.uint8] = _sheet()[names().index(name)]
    except ValueError:
        raise ConfigError(
            f"there is no pictogram of {name!r}; longwatch.stream.sources.pictograms.names() lists "
            "them"
        ) from None
    return pixels


@cache
def _sheet() -> NDArray[np.uint8]:
    """Return (n, SIDE, SIDE, 4), decoded once: 65 kB a sprite."""
    with Image.open(FOLDER / "noto.webp") as picture:
        pixels = np.asarray(picture.convert("RGBA").convert("RGBa"))
    rows, columns = pixels.shape[0] // SIDE, pixels.shape[1] // SIDE
    sheet = pixels.reshape(rows, SIDE, columns, SIDE, 4).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 4)
    sheet.flags.writeable = False
    return sheet
