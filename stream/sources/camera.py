"""Cameras of this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from longwatch.errors import SourceError
from longwatch.stream.buffer import DropPolicy
from longwatch.stream.sampler import Sampler
from longwatch.stream.sources.background import BackgroundSource

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray


class CameraSource(BackgroundSource):
    """The frames of camera number `device`, from 0; time 0 is its first frame.

    Whoever reads slowly gets the latest frames. It ends only by `aclose`.
    """

    def __init__(self, device: int = 0, *, fps: float | None = None) -> None:
        super().__init__(pacer=None, policy=DropPolicy.DROP_OLDEST)
        self.device = device
        self._sampler = Sampler(fps)

    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:  # noqa: D102
        cv2 = _opencv()
        cv2.utils.logging.setLogLevel(0)  # it would print lines of its own beside our error
        camera = cv2.VideoCapture(self.device)
        try:
            if not camera.isOpened():
                raise SourceError(
                    f"camera {self.device} cannot be opened; check that it is plugged in, that no "
                    "other program holds it, and that you may use it",
                    code="source_not_found",
                )
            first: float | None = None
            while True:
                good, image = camera.read()
                now = time.monotonic()
                if not good:
                    raise SourceError(
                        f"camera {self.device} stopped giving pictures; plug it in again",
                        code="source_stalled",
                    )
                first = now if first is None else first
                if self._sampler.take(now - first):
                    yield now - first, np.ascontiguousarray(image[:, :, ::-1], np.uint8)
        finally:
            camera.release()


def _opencv() -> Any:
    """Return OpenCV; it links to libraries of the desktop, which a server may be without."""
    try:
        import cv2
    except ImportError as error:
        raise SourceError(
            f"cameras need OpenCV, which cannot be loaded ({error}); install the system library "
            "that it misses, on Debian and Ubuntu: apt-get install libgl1 libglib2.0-0"
        ) from None
    return cv2
