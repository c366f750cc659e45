"""Still pictures as bytes -> pixels, with every bound checked before a pixel is decoded."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from longwatch.errors import FrameError
from longwatch.wire import image_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from longwatch.stream.limits import MediaLimits

# Each scan of a progressive JPEG may touch every pixel again, so that a small file of thousands of
# them keeps a decoder busy: 2,000 in 37 KB take 4.6 s of a 1080p picture. Encoders write about ten.
SCAN = b"\xff\xda"  # does not occur within a scan's data
MOST_SCANS = 64

# `check_size` has the bound. Pillow's own would warn at each new size, and keep every warning.
Image.MAX_IMAGE_PIXELS = None


def decode_image(payload: bytes, limits: MediaLimits) -> NDArray[np.uint8]:
    """Return the picture in `payload`, a JPEG, PNG or WebP, as (height, width, 3) RGB.

    It stands upright (EXIF orientation is applied), what is transparent is white, 16 bits are cut
    to 8, and of an animation it is the first picture.

    Raises:
        FrameError: not one of these formats (`unsupported_format`), larger than the limits
            (`frame_too_large`), cut off or damaged (`frame_undecodable`).
    """
    if len(payload) > limits.max_message_bytes:
        raise too_large(f"{len(payload)} bytes", f"{limits.max_message_bytes} bytes")
    form = image_format(payload)
    if form == "jpeg" and payload.count(SCAN) > MOST_SCANS:
        raise too_large(f"{payload.count(SCAN)} scans", f"{MOST_SCANS} scans")
    if form is None:
        raise FrameError(
            "the payload is no picture that is known here; send JPEG, PNG or WebP",
            code="unsupported_format",
        )
    try:
        with Image.open(BytesIO(payload), formats=[form]) as image:
            check_size(image.width, image.height, limits)
            return _upright_rgb(image)
    except FrameError:
        raise
    except UnidentifiedImageError:
        raise FrameError(f"the {form} picture has no readable header; send it whole") from None
    except Exception as error:  # noqa: BLE001  Pillow raises many types at damaged data
        raise FrameError(
            f"the {form} picture cannot be decoded ({error}); it may be cut off: send it whole"
        ) from None


def check_size(width: int, height: int, limits: MediaLimits) -> None:
    """Raise FrameError, `frame_too_large`, unless a picture of this size may be decoded."""
    if width * height > limits.max_pixels:
        raise too_large(f"{width}x{height} pixels", f"{limits.max_pixels} pixels in all")


def too_large(size: str, limit: str) -> FrameError:
    """Return the error for a picture or message of `size`."""
    return FrameError(
        f"the picture is too large: {size}, and {limit} are allowed; send it smaller",
        code="frame_too_large",
    )


def _upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip to white
        grey = (np.clip(np.asarray(upright, np.int64), 0, 0xFFFF) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, axis=-1)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, "white")
        upright = Image.alpha_composite(canvas, rgba)
    return np.array(upright.convert("RGB"))
