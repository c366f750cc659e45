"""What a frame sees of the sealed past while it is read: the newest blocks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.view import around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.archive import Archive
    from longwatch.memory.segment import Part, Segment
    from longwatch.memory.view import View


class Newest:
    """A `Recall` that asks nothing: every layer sees the same blocks, those of `Sealing.near`.

    They were sealed to be recalled, so that a frame sees them too takes no byte more.
    """

    def __init__(self, view: View, ids: Sequence[int]) -> None:
        """Take blocks that `view` sees, in the order of time."""
        self._view, self._ids = view, np.array(ids, np.int64)
        self._tokens, index = view.tokens(self._ids)
        self._index = torch.from_numpy(index).to(view.archive.shape.device)
        self._layers: list[tuple[Tensor, Tensor]] = []

    def split(  # noqa: D102
        self, segments: Sequence[Segment]
    ) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        return around(self._view, segments)

    def choose(self, layer: int, query: Tensor) -> list[Part]:  # noqa: D102
        if not self._layers:  # the first one reads for all: they follow in one pass
            self._layers = self._view.archive.read_all(self._ids, self._view)
        keys, values = (x[:, self._index] for x in self._layers[layer])
        return [self._view.part(self._tokens, keys, values)]


def newest(archive: Archive | None) -> Newest | None:
    """Return what a frame that is read now sees of an archive."""
    view = None if archive is None else archive.view()
    if archive is None or view is None:
        return None
    ids = archive.newest()
    return Newest(view, ids) if ids else None
