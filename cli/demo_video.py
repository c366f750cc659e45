"""The demo's video: photographs, each shown for a while with a slow pan, as H.264."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = n, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
    except (av.error.FFmpegError, OSError, ValueError) as failure:
        raise ConfigError(
            f"the demo's video could not be written to {str(path.parent)!r} ({failure}); check "
            "that the disk has room, and `longwatch doctor`"
        ) from None


def _frames(pictures: Sequence[tuple[Path, float]]) -> Iterator[NDArray[np.uint8]]:
    """Yield the video's frames, (height, width, 3) BGR."""
    for place, seconds in pictures:
        image = cv2.imread(str(place))
        if image is None:
            raise ConfigError(f"the demo's picture {place.name} is missing; install longwatch anew")
        count = round(seconds * FPS)
        for n in range(count):
            yield _crop(np.asarray(image, np.uint8), n / count)


def _crop(image: NDArray[np.uint8], at: float) -> NDArray[np.uint8]:
    """Return the part of `image` that a camera panning from left to right sees at `at`, 0 to 1."""
    height, width = image.shape[:2]
    scale = (1 - _MARGIN) * min(width / SIZE[0], height / SIZE[1])
    w, h = SIZE[0] * scale, SIZE[1] * scale
    left, top = (width - w) * at, (height - h) / 2
    move = np.array([[1 / scale, 0, -left / scale], [0, 1 / scale, -top / scale]])
    seen = cv2.warpAffine(image, move, SIZE, flags=cv2.INTER_LINEAR)
    return np.asarray(seen, np.uint8)
