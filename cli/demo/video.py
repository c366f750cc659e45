"""The demo's video: photographs, each shown for a while with a slow pan, as H.264."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
from PIL import Image

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
SIZE = (640, 480)  # width, height of the video
FPS = 15
_MARGIN = 0.06  # of the picture, that the pan has to move in
_SETTINGS = {"preset": "superfast", "crf": "23", "bf": "0", "g": str(2 * FPS)}


def write_video(path: Path, pictures: Sequence[tuple[Path, float]]) -> None:
    """Write an MP4 to `path` that shows each picture for its number of seconds.

    Raises:
        ConfigError: this PyAV has no H.264 encoder, or the disk has no room.
    """
    try:
        with av.open(str(path), "w") as container:
            video = container.add_stream("libx264", rate=FPS, options=_SETTINGS)
            video.width, video.height = SIZE
            video.pix_fmt = "yuv420p"
            for n, image in enumerate(_frames(pictures)):
                frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = n, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
    except (av.error.FFmpegError, OSError, ValueError) as failure:
        raise ConfigError(
            f"the demo's video could not be written to {str(path.parent)!r} ({failure}); check "
            "that the disk has room, and `longwatch doctor`"
        ) from None


def _frames(pictures: Sequence[tuple[Path, float]]) -> Iterator[Image.Image]:
    """Yield the video's frames."""
    for place, seconds in pictures:
        try:
            image = Image.open(place).convert("RGB")
        except OSError as failure:
            raise ConfigError(
                f"the demo's picture {place.name} cannot be read ({failure}); install longwatch "
                "anew"
            ) from None
        count = round(seconds * FPS)
        for n in range(count):
            yield _crop(image, n / count)


def _crop(image: Image.Image, at: float) -> Image.Image:
    """Return the part of `image` that a camera panning from left to right sees at `at`, 0 to 1."""
    scale = (1 - _MARGIN) * min(image.width / SIZE[0], image.height / SIZE[1])
    w, h = SIZE[0] * scale, SIZE[1] * scale
    left, top = (image.width - w) * at, (image.height - h) / 2
    return image.resize(SIZE, Image.Resampling.BILINEAR, (left, top, left + w, top + h))
