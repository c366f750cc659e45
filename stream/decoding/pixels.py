"""Decoded video frames -> upright RGB pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import VideoReformatter

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray


class Converter:
    """Converts the frames of one stream; it keeps the scaler from frame to frame."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return `frame` as (height, width, 3) RGB, turned as its metadata says."""
        pixels = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        turns = round(frame.rotation / 90) % 4  # counterclockwise
        return np.ascontiguousarray(np.rot90(pixels, turns), dtype=np.uint8)
