"""What the sampled frames of a world show: who is where, and who came when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longwatch.stream.world import Event, World


class Run(NamedTuple):
    """A run of sampled frames, none left out, that all show the thing: it came and it went."""

    first: int  # frame; at once with others, they are in order of their names
    name: str
    last: int  # frame; it may be later than now


class Seen:
    """Tables of what the frames of `world` at `times` show; a thing between frames is not there.

    Args:
        world: the world that is watched.
        times: seconds of the sampled frames, increasing; they may be far apart.
        groups: words such as "dog" for several names; any member counts.

    Raises:
        ConfigError: there is no frame, or `times` do not increase from 0.
    """

    def __init__(
        self,
        world: World,
        times: Sequence[float],
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.world, self.times = world, [float(time) for time in times]
        pairs = zip(self.times, self.times[1:], strict=False)
        if not self.times or self.times[0] < 0 or any(a >= b for a, b in pairs):
            raise ConfigError("the times of frames must increase from 0 on; give at least one")
        self.groups = groups or {}
        self._words: dict[str, list[str]] = {}
        for word, members in self.groups.items():
            for name in members:
                self._words.setdefault(name, []).append(word)
        self._shown: list[list[Event]] = [[] for _ in self.times]
        runs: dict[str, list[Run]] = {}
        for event in world.during(self.times):
            first = bisect_left(self.times, event.start)
            last = bisect_left(self.times, event.end) - 1
            if first > last:
                continue
            for frame in range(first, last + 1):
                self._shown[frame].append(event)
            known = runs.setdefault(event.name, [])
            if known and known[-1].last + 1 >= first:
                known[-1] = Run(known[-1].first, event.name, max(known[-1].last, last))
            else:
                known.append(Run(first, event.name, last))
        self._of = runs
        self._runs = sorted(run for known in runs.values() for run in known)
        self._starts = [run.first for run in self._runs]
        self._names = sorted(runs, key=lambda name: runs[name][0])
        self._firsts = [runs[name][0].first for name in self._names]

    def things(self, frame: int) -> list[tuple[str, tuple[float, float]]]:
        """Return the names of what a frame shows and their (x, y), from left to right."""
        time = self.times[frame]
        things = [(e.name, e.where(time) or e.leaves) for e in self._shown[frame]]
        return sorted(things, key=lambda thing: thing[1])

    def background(self, frame: int) -> str:
        """Return the word for the colour of a frame's background."""
        return self.world.background(self.times[frame])

    def second(self, frame: int, now: int) -> list[int]:
        """Return `frame` and then the other frames up to `now` in the same second."""
        whole = int(self.times[frame])
        low, high = bisect_left(self.times, whole), bisect_left(self.times, whole + 1)
        return [frame, *(k for k in range(low, min(high, now + 1)) if k != frame)]

    def names(self, now: int) -> list[str]:
        """Return the names of all that was seen up to a frame, in order of their first entry."""
        return self._names[: bisect_right(self._firsts, now)]

    def runs(self, now: int) -> list[Run]:
        """Return the runs that begin up to a frame, in order; the last ones may still go on."""
        return self._runs[: bisect_right(self._starts, now)]

    def runs_of(self, word: str, now: int) -> list[Run]:
        """Return the runs, up to a frame, of the thing or of any member of the group."""
        known = [run for name in self.members(word) for run in self._of.get(name, ())]
        return sorted(run for run in known if run.first <= now)

    def members(self, word: str) -> tuple[str, ...]:
        """Return the names that a word stands for: itself, and the members if it is a group's."""
        return tuple(dict.fromkeys((word, *self.groups.get(word, ()))))

    def words(self, name: str) -> list[str]:
        """Return the words of the groups that have this member."""
        return self._words.get(name, [])
