"""When a condition that is looked at again and again has come true, and is worth telling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.serve.watches.watch import WatchSettings

RELEASE = 0.6  # of the threshold: what came true stays true down to there
GONE = 0.5  # seconds on the stream's clock that it must be untrue before it can come true again
ROUNDING = 1e-3  # seconds


@dataclass(slots=True)
class Trigger:
    """One condition on one stream. All times are seconds on the stream's clock.

    It fires once for each time that the condition comes true: when it has held for
    `min_duration_s`, and no firing is less than `cooldown_s` ago. A time within the cooldown is
    passed over. A score that flickers neither ends a time nor begins another one.
    """

    since: float | None = None  # when the condition began to hold
    gone: float | None = None  # when it began to be untrue again
    told: bool = False  # this time was told, or passed over
    fired: float | None = None  # when it fired last
    time: float = 0.0  # of the newest look
    score: float | None = None  # of the newest look

    def take(self, time: float, score: float, settings: WatchSettings) -> bool:
        """Take in that the condition has `score`, 0 to 1, at `time`; tell whether it fires."""
        if time < self.time:  # another clock: the stream began anew, and what was told stays told
            self.since = None if self.since is None else time
            self.gone = None if self.gone is None else time
            self.fired = None
        self.time, self.score = time, score
        limit = settings.threshold * (1.0 if self.since is None else RELEASE)
        if score < limit:
            self._fall(time)
            return False
        self.gone = None
        if self.since is None:
            self.since = time
        if self.told or time - self.since < settings.min_duration_s - ROUNDING:
            return False
        self.told = True
        if self.fired is not None and time - self.fired < settings.cooldown_s - ROUNDING:
            return False
        self.fired = time
        return True

    def _fall(self, time: float) -> None:
        if self.since is None:
            return
        if not self.told:  # it did not hold for long enough
            self.since = None
            return
        if self.gone is None:
            self.gone = time
        if time - self.gone >= GONE - ROUNDING:
            self.since, self.gone, self.told = None, None, False
