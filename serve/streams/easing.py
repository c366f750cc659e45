"""How far frames give way while the model cannot keep up: fewer tokens before fewer frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LOST, WAITED, CALM = 0.5, 0.8, 0.05  # what a frame's sign of load does: times, times, plus
LEAST = 1 / 64  # below it nothing is left to give

Reason = Literal["frames_lost", "frames_wait"]


@dataclass(frozen=True)
class Ease:
    """The share of what a frame would have had that it gets, and why it is not all.

    It falls at once and comes back slowly, so that a stream under load settles where it is just
    read in time. Equal signs in equal order lead to equal shares.
    """

    share: float = 1.0
    reason: Reason | None = None  # the last sign of load; None once all is as usual again
    lost: int = 0  # frames lost since the stream began

    def next(self, lost: int, waiting: int) -> Ease:
        """Return what the next frame gets.

        `lost` is how many frames were lost in all because the model was busy, `waiting` how many
        wait behind this one.
        """
        if lost > self.lost:
            return Ease(max(LEAST, self.share * LOST), "frames_lost", lost)
        if waiting:
            return Ease(max(LEAST, self.share * WAITED), "frames_wait", lost)
        share = min(1.0, self.share + CALM)
        return Ease(share, None if share == 1 else self.reason, lost)
