"""What the model's thread is doing, told to anybody who asks while it does it."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Work = Literal["frame", "answer", "other"]
WORKS: tuple[Work, ...] = get_args(Work)
SPAN = 10.0  # seconds over which shares are told
GRAIN = 0.5  # seconds that are summed up before they are noted


class _Note(NamedTuple):
    time: float
    seconds: dict[Work, float]  # of each work, until then


class Utilization:
    """Adds up the seconds of each kind of work. One thread works; any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since: float | None = None  # when the work began that is under way
        self._work: Work = "other"
        self._totals: dict[Work, float] = dict.fromkeys(WORKS, 0.0)
        self._notes = deque([_Note(clock(), self._totals.copy())])

    def measure(self, work: Work) -> Utilization:
        """Return what to enter for as long as `work` is done; the next one begins after it."""
        self._work = work
        return self

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now, since = self._clock(), self._since
        self._since = None
        self._totals[self._work] += now - (now if since is None else since)
        if now - self._notes[-1].time >= GRAIN:
            self._notes.append(_Note(now, self._totals.copy()))
            while len(self._notes) > SPAN / GRAIN + 1:
                self._notes.popleft()

    @property
    def step_seconds(self) -> float:
        """Seconds that the work under way has taken; 0 where there is none."""
        since = self._since
        return 0.0 if since is None else max(0.0, self._clock() - since)

    def totals(self) -> dict[Work, float]:
        """Return the seconds that each work took so far."""
        return self._totals.copy()

    def fractions(self) -> dict[Work, float]:
        """Return which part of the last ten seconds, about, each work took; between 0 and 1."""
        now, totals = self._clock(), self._totals.copy()
        notes = tuple(self._notes)
        # The newest note that is old enough, as what came before the others is not known.
        start = next((note for note in reversed(notes) if now - note.time >= SPAN), notes[0])
        passed = now - start.time
        if passed <= 0:
            return dict.fromkeys(WORKS, 0.0)
        return {work: min(1.0, (totals[work] - start.seconds[work]) / passed) for work in WORKS}
