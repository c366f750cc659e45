"""What colour a part of a picture has, as a distribution over the words for colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from longwatch.stream.sources.painting import COLOURS

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 2000.0  # squared distance in RGB by which a word loses a factor of e
BORDER = 16  # of how many parts of a side the frame's border is one


def colour_words(rgb: Tensor) -> Tensor:
    """Return distributions, (..., 11), over the words of COLOURS of colours, (..., 3) in 0-255."""
    palette = torch.tensor(list(COLOURS.values()), dtype=rgb.dtype, device=rgb.device)
    distance = (rgb[..., None, :] - palette).square().sum(-1)
    return (-distance / WIDTH).softmax(-1)


def frame_colours(pictures: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the colours, (b, 1 + cells, 11), of pictures, (b, 3, h, w) in 0-255.

    A cell has the colour of its mean, and the whole frame that of its border.
    """
    h, w = pictures.shape[2:]
    y, x = max(h // BORDER, 1), max(w // BORDER, 1)
    inner = pictures[:, :, y : h - y, x : w - x]
    border = pictures.sum((2, 3)) - inner.sum((2, 3))
    mean = border / (h * w - inner.shape[2] * inner.shape[3])
    cells = functional.adaptive_avg_pool2d(pictures, grid).flatten(2).transpose(1, 2)
    return colour_words(torch.cat([mean[:, None], cells], 1))
