"""Work for moments in which nobody waits for the model, and a small share of it under load."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.25  # seconds that work waits at most while others keep the model busy,
SHARE = 0.1  # unless it would then take more than this much of the time


class Spare:
    """A queue of short jobs; the model's thread takes one between two steps.

    Where nobody else waits, a job runs at once. While frames or answers wait, one runs when
    `PATIENCE` seconds have passed since the one before, or so many that all jobs together take no
    more than `SHARE` of the time. Whoever offers jobs keeps them few: they wait in order.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._clock = clock
        self._free = 0.0  # when the next job may run beside others

    def __len__(self) -> int:
        return len(self._jobs)

    def offer(self, job: Callable[[], None]) -> None:
        """Add a job, from any thread; it must not raise."""
        if not self._jobs:
            self._free = max(self._free, self._clock() + PATIENCE)
        self._jobs.append(job)

    def run(self, *, busy: bool) -> None:
        """Do the next job, if there is one and its time has come; on the model's thread."""
        if not self._jobs or (busy and self._clock() < self._free):
            return
        start = self._clock()
        self._jobs.popleft()()
        end = self._clock()
        self._free = end + max(PATIENCE, (end - start) * (1 - SHARE) / SHARE)
