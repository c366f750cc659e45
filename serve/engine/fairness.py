"""Who gets the model next: answers first, with a share of the time guaranteed to frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from longwatch.errors import ConfigError

Turn = Literal["frame", "answer"]


@dataclass
class Share:
    """Keeps the account of one model thread.

    While frames and answers both wait, each second given to answers puts frames
    `share / (1 - share)` seconds in credit. A frame's step runs when the credit is positive, so
    answers come first and frames still get `share` of the time. The account is closed whenever
    only one side waits: nobody saves up, and nobody pays later for what nobody else wanted.
    """

    share: float = 0.5  # of the time, for frames
    _credit: float = 0.0  # seconds owed to frames

    def __post_init__(self) -> None:
        """Check the setting."""
        if not 0 < self.share < 1:
            raise ConfigError(
                f"the share of frames must be between 0 and 1, not {self.share}; try 0.5"
            )

    def pick(self, *, frames: bool, answers: bool) -> Turn | None:
        """Return whose step is next, given who waits."""
        if not (frames and answers):
            self._credit = 0.0
            return "frame" if frames else "answer" if answers else None
        return "frame" if self._credit > 0 else "answer"

    def spent(self, turn: Turn, seconds: float) -> None:
        """Take note of a step that ran while both sides waited."""
        if turn == "frame":
            self._credit -= seconds
        else:
            self._credit += seconds * self.share / (1 - self.share)
