"""Every so many cells: the baseline that looks at nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import spread

if TYPE_CHECKING:
    from longwatch.types import VisualTokens

TURN = 0.6180339887  # of a row; the golden section keeps the columns of many rows apart


@dataclass(frozen=True)
class Uniform(Budgeted[None]):
    """Keep evenly spaced tokens, the same ones in every frame.

    They are counted in reading order, each row turned a little further than the one above it:
    counted plainly, on a grid whose width the step divides, they would all be in one column.
    """

    keep: float = 0.25

    def new_state(self) -> None:
        """Return nothing: there is nothing to remember."""

    def _compress(self, tokens: VisualTokens, state: None) -> tuple[VisualTokens, None]:
        columns = tokens.grid[1]
        _, y, x = tokens.positions
        turned = (x + (y * TURN * columns).long()) % columns
        order = (y * columns + turned).argsort(stable=True)
        chosen = order[spread(len(tokens), self.budget(len(tokens)), order.device)]
        return tokens.select(chosen.sort().values), state
