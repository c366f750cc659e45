"""Small pictures of frames, which show what an answer rests on."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 160  # pixels at most, and no picture is made larger
QUALITY = 70


def make_thumbnail(image: NDArray[np.uint8], width: int = WIDTH) -> bytes:
    """Return a frame, (height, width, 3) RGB, as a JPEG at most `width` pixels wide."""
    picture = Image.fromarray(image)
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


@lru_cache(maxsize=256)  # some 100 bytes to 10 KB each, in both sizes
def narrowed(jpeg: bytes, width: int) -> bytes:
    """Return a JPEG at most `width` pixels wide; one that is no wider comes back as it is.

    Those asked for last are kept, as timelines show the same ones again and again.
    """
    with Image.open(io.BytesIO(jpeg)) as picture:
        if picture.width <= width:
            return jpeg
        image = np.asarray(picture.convert("RGB"))
    return make_thumbnail(image, width)
