"""A token bucket: how often something may be done, with a burst."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Bucket:
    """Holds `burst` at most and gains `rate` a second; `rate` 0 is no limit at all."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._level = burst
        self._seen = clock()

    @property
    def level(self) -> float:
        """How much could be taken now."""
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._seen) * self.rate)
        self._seen = now
        return self._level

    def wait(self, amount: float = 1.0) -> float:
        """Return the seconds until `amount` can be taken, 0 if it can be now.

        What is larger than the bucket can be taken from a full one, which is in debt afterwards.
        """
        missing = min(amount, self.burst) - self.level
        return missing / self.rate if self.rate and missing > 0 else 0.0

    def take(self, amount: float = 1.0) -> float:
        """Take `amount` if it is there and return 0; else take nothing and return `wait`."""
        wait = self.wait(amount)
        if self.rate and not wait:
            self._level -= amount
        return wait
