"""What is stored of one block, and what all blocks of a stream have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from longwatch.memory.table import UNRATED, Tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from longwatch.memory.segment import Segment


class Shape(NamedTuple):
    """What the keys of all blocks have in common."""

    layers: int
    heads: int  # key-value heads
    width: int  # channels of a head
    dtype: torch.dtype
    device: torch.device
    axes: int
    advance: int | None  # of its frames, see `segment.place`

    @classmethod
    def of(cls, segment: Segment) -> Shape:
        """Return the shape of a segment's keys."""
        keys = segment.keys[0]
        h, _, d = keys.shape
        axes = segment.positions.shape[0]
        return cls(len(segment.keys), h, d, keys.dtype, keys.device, axes, segment.advance)


class Sealed(NamedTuple):
    """One block, as it is stored."""

    id: int
    rung: int
    tokens: Tokens
    rows: Tensor  # (L, B) uint8
    vectors: tuple[Tensor, ...]  # one a layer, (K, w) fp32: what it is found by


def tokens_of_frame(frame: Segment) -> Tokens:
    """Return where the tokens of a frame come from."""
    n = len(frame)
    return Tokens(
        np.full(n, frame.index, np.int32),
        np.full(n, frame.time),
        frame.positions.numpy().astype(np.int16),
        np.full(n, int(frame.span.max()), np.int16),
        UNRATED if frame.importance is None else frame.importance.numpy().astype(np.float16),
    )
