"""Pictures to what a vision tower reads, as the checkpoint's own image processor does it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from longwatch.errors import FrameError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # by the number that Pillow gives them
MAX_ASPECT = 200  # of the families that keep a picture's shape; beyond it they refuse


def read_settings(folder: Path, *, video: bool) -> dict[str, Any]:
    """Return a checkpoint's image settings; with `video`, those for video come first.

    Raises:
        ModelError: the folder has no such file, or a broken one.
    """
    whole = _read(folder / "processor_config.json")
    found = _read(folder / "preprocessor_config.json") or whole.get("image_processor", {})
    if video:
        clip = _read(folder / "video_preprocessor_config.json") or whole.get("video_processor", {})
        found = found | clip
    if not found:
        raise ModelError(
            f"{folder} has no preprocessor_config.json, so the size and colours that its vision "
            "tower expects are unknown; add the file from the original checkpoint"
        )
    return found


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        raise ModelError(
            f"{path} is not valid JSON ({problem}); download the checkpoint again"
        ) from problem
    return settings


@dataclass(frozen=True)
class Pixels:
    """How a tower wants its pictures resampled and their colours scaled."""

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # of each channel, where 1 is white
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    filter: str = "bicubic"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Pixels:
        """Return what a checkpoint's image settings say."""
        number = settings.get("resample", 3)
        if number not in FILTERS:
            raise ModelError(
                f"the image processor resamples with filter {number}, and only "
                f"{', '.join(f'{k} ({v})' for k, v in FILTERS.items())} are supported"
            )
        return cls(
            tuple(settings.get("image_mean", cls.mean)),
            tuple(settings.get("image_std", cls.std)),
            FILTERS[number],
        )

    def resize(self, picture: Tensor, height: int, width: int) -> Tensor:
        """Return `picture`, (3, h, w) uint8, at another size; still uint8, as Pillow does it."""
        if picture.shape[1:] == (height, width):
            return picture
        sized: Tensor = interpolate(
            picture[None], (height, width), mode=self.filter, antialias=True
        )
        return sized[0]

    def scale(self, picture: Tensor) -> Tensor:
        """Return `picture`, (..., 3, h, w) uint8, as the fp32 values that the tower reads."""
        mean, std = (torch.tensor(c).reshape(3, 1, 1) for c in (self.mean, self.std))
        return (picture.float() / 255 - mean) / std


def picture(image: NDArray[np.uint8]) -> Tensor:
    """Return `image`, (h, w, 3), as a (3, h, w) uint8 tensor of its own."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def square(settings: Mapping[str, Any], default: int) -> tuple[int, int]:
    """Return the fixed height and width that the settings ask for."""
    size = settings.get("size", default)
    if isinstance(size, int):
        return size, size
    edge = size.get("shortest_edge", size.get("longest_edge", default))
    return size.get("height", edge), size.get("width", edge)


def fit_area(
    height: int, width: int, *, factor: int, min_pixels: int, max_pixels: int
) -> tuple[int, int]:
    """Return the size nearest to a picture's own in multiples of `factor`, within an area.

    Raises:
        FrameError: the picture is more than 200 times as long as it is wide.
    """
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise FrameError(
            f"a picture of {width}x{height} is too narrow for this model (at most "
            f"{MAX_ASPECT}:1); crop it before it is sent"
        )
    rows, columns = round(height / factor), round(width / factor)
    if rows * columns * factor**2 > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        rows = max(1, math.floor(height / shrink / factor))
        columns = max(1, math.floor(width / shrink / factor))
    elif rows * columns * factor**2 < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * grow / factor)
        columns = math.ceil(width * grow / factor)
    return rows * factor, columns * factor


def fit_edge(height: int, width: int, longest: int) -> tuple[int, int]:
    """Return the size of the same shape whose longer edge is `longest`, the other one even."""
    aspect = width / height
    if width >= height:
        other = int(longest / aspect)
        return max(1, other + other % 2), longest
    other = int(longest * aspect)
    return longest, max(1, other + other % 2)


def patchify(pictures: Tensor, *, patch: int, merge: int, repeat: int) -> Tensor:
    """Cut (f, 3, h, w) into patches, (f * rows * columns, 3 * repeat * patch**2).

    Patches that the tower will merge into one token, `merge` by `merge` of them, are neighbours.
    Each picture is repeated in time, as the Qwen families do with a still image.
    """
    f, channels, height, width = pictures.shape
    rows, columns = height // patch, width // patch
    cells = pictures.reshape(
        f, channels, rows // merge, merge, patch, columns // merge, merge, patch
    )
    cells = cells.permute(0, 2, 5, 3, 6, 1, 4, 7)[..., None, :, :]
    cells = cells.expand(*cells.shape[:6], repeat, patch, patch)
    return cells.reshape(f * rows * columns, channels * repeat * patch * patch)


def grid_positions(rows: int, columns: int) -> Tensor:
    """Return t, y, x of a frame's tokens in reading order, (3, rows * columns) int64; t is 0."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([torch.zeros_like(x), y, x]).reshape(3, -1)
