"""A fake webcam's video: known pictures, each shown for a while, as YUV4MPEG2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZE = (320, 240)  # width, height
FPS = 5


def write_scene(path: Path, pictures: Sequence[Path], seconds: float) -> None:
    """Write the pictures to `path`, `seconds` each; a browser's fake webcam loops them."""
    width, height = SIZE
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            frame = b"FRAME\n" + _yuv(Image.open(picture).convert("RGB").resize(SIZE))
            for _ in range(round(seconds * FPS)):
                file.write(frame)


def _yuv(image: Image.Image) -> bytes:
    """Return an image as planes of Y, Cb and Cr, the last two at half its size."""
    y, cb, cr = (np.asarray(plane) for plane in image.convert("YCbCr").split())
    half = [plane.reshape(SIZE[1] // 2, 2, SIZE[0] // 2, 2).mean((1, 3)) for plane in (cb, cr)]
    return y.tobytes() + b"".join(plane.astype(np.uint8).tobytes() for plane in half)
