"""Who gets the model next: frames or answers, which key and stream, and work that can wait."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WorkKind = Literal["frame", "answer"]


@dataclass
class WeightedShare:
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

    def next_kind(self, *, frames: bool, answers: bool) -> WorkKind | None:
        """Return whose step is next, given who waits."""
        if not (frames and answers):
            self._credit = 0.0
            return "frame" if frames else "answer" if answers else None
        return "frame" if self._credit > 0 else "answer"

    def charge(self, turn: WorkKind, seconds: float) -> None:
        """Take note of a step that ran while both sides waited."""
        if turn == "frame":
            self._credit -= seconds
        else:
            self._credit += seconds * self.share / (1 - self.share)


class Tenant(NamedTuple):
    """Who asks, and about what."""

    key: str
    stream: str


class FairQueue:
    """Keeps accounts of what each key, and each stream of a key, was given.

    While more want a turn than can have one, those who were given least go first, so that every
    key gets the same as every other one that wants it, and every stream the same as the key's
    others, however many questions each has. Who was away begins level with those who were given
    least: nobody saves up. When all can have a turn, the accounts are closed.
    """

    def __init__(self) -> None:
        self._given: dict[tuple[str, ...], float] = {}

    def pick(self, owners: Sequence[Tenant], costs: Sequence[float], most: int) -> list[int]:
        """Return which of those who wait have a turn, `most` at most, by their places.

        Of one owner the first goes first. `costs` says what a turn of each takes, in any unit.
        """
        if len(owners) <= most:
            self._given.clear()
            return list(range(len(owners)))
        self._open(owners)
        queues: dict[Tenant, list[int]] = {}
        for place, owner in enumerate(owners):
            queues.setdefault(owner, []).append(place)
        picked: list[int] = []
        while len(picked) < most:
            owner = min(queues, key=lambda o: (self._given[o[:1]], self._given[o], queues[o][0]))
            place = queues[owner].pop(0)
            if not queues[owner]:
                del queues[owner]
            self._given[owner[:1]] += costs[place]
            self._given[owner] += costs[place]
            picked.append(place)
        return picked

    def _open(self, owners: Sequence[Tenant]) -> None:
        """Forget who no longer waits, and let newcomers begin level."""
        known = self._given
        self._given = {}
        for depth in (1, 2):
            groups = dict.fromkeys(owner[:depth] for owner in owners)
            for group in groups:
                level = [known[o] for o in groups if o in known and o[:-1] == group[:-1]]
                self._given[group] = known.get(group, min(level, default=0.0))


PATIENCE = 0.25  # seconds that work waits at most while others keep the model busy,
SHARE = 0.1  # unless it would then take more than this much of the time


class IdleQueue:
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
