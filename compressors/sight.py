"""What a frame shows, place by place, and how much of it is new."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from longwatch.compressors.parts import cut
from longwatch.compressors.similarity import cosine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True, eq=False)
class Sight:
    """The places of one frame; of several, what was last kept of each place.

    Places are spots of the picture where it is at hand, whose changes have one scale for all
    towers, and on which the noise of a sensor is averaged out; else they are the cells.
    """

    values: Tensor  # (p, c) fp32: a spot's red, green and blue, 0 to 1, or a cell's embedding
    cells: Tensor  # (p,) int64: the cell that the place lies in
    grid: tuple[int, int]  # rows, columns of cells
    spots: bool

    @classmethod
    def of(cls, tokens: VisualTokens, spots: NDArray[np.int16] | None = None) -> Sight:
        """Return what a frame shows; `spots` are (rows, columns, 3) of its picture, 0 to 255."""
        if spots is None:
            beside = cut(tokens, tokens.summary, len(tokens))
            return cls(beside.embeds.float(), _number(beside), tokens.grid, spots=False)
        rows, columns = tokens.grid
        height, width = spots.shape[:2]
        y, x = torch.arange(height) * rows // height, torch.arange(width) * columns // width
        values = torch.from_numpy(spots).reshape(-1, 3).float() / 255
        return cls(values, (y[:, None] * columns + x).flatten(), tokens.grid, spots=True)

    def novelty(self, kept: Sight | None, quiet: float) -> float:
        """Return how much is new beside what was `kept`, 0 to 1, and 1 where nothing compares.

        It is the mean over the places of the change, less `quiet`: of a spot the largest change of
        a colour, of a cell (1 - cos) / 2.
        """
        if kept is None or not self._like(kept) or not len(self.values):
            return 1.0
        if self.spots:
            change = (self.values - kept.values).abs().amax(1)
        else:
            change = (1 - cosine(self.values, kept.values)) / 2
        new = float((change - quiet).clamp(min=0).mean()) / (1 - quiet)
        return new if new <= 1 else 1.0  # also where it is no number

    def after(self, before: Sight | None, kept: VisualTokens, share: float) -> Sight:
        """Return what was last kept of each place, once `kept`, a `share` of this frame, was.

        A place of whose cell no token was kept moves towards what it shows now by `share`, since
        other tokens may hold some of it.
        """
        if before is None or not self._like(before):
            return self
        now = torch.isin(self.cells, _number(cut(kept, kept.summary, len(kept))))
        partly = before.values.lerp(self.values, share)
        return replace(self, values=torch.where(now[:, None], self.values, partly))

    def _like(self, other: Sight) -> bool:
        return (
            (self.spots, self.grid) == (other.spots, other.grid)
            and self.values.shape == other.values.shape
            and torch.equal(self.cells, other.cells)
        )


def _number(tokens: VisualTokens) -> Tensor:
    numbers: Tensor = tokens.positions[1] * tokens.grid[1] + tokens.positions[2]
    return numbers
