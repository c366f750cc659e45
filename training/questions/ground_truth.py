"""What the sampled frames of a world show, and the right answers from it: of a word, a time, now.

`Seen` says who is where and who came when; the functions answer from it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import ConfigError
from longwatch.models.answer_words import (
    CANNOT_TELL,
    NEVER,
    NO,
    NOTHING,
    YES,
    clock,
    count,
    described,
    listed,
    often,
    places,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longwatch.stream.sources.world import Event, World


class Fact(NamedTuple):
    """What is right to answer, best first, the frames that prove it, and the things it is about."""

    answers: tuple[str, ...]
    frames: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


def shown(seen: Seen, frames: list[int]) -> Fact:
    """List what a frame shows; `frames` are the one that is meant, and others as good."""
    lists = [[name for name, _ in seen.things(frame)] for frame in frames]
    answers = dict.fromkeys(answer for names in lists for answer in listed(names))
    return Fact(tuple(answers), tuple(frames), tuple(lists[0]))


def described_at(seen: Seen, frames: list[int]) -> Fact:
    """Describe what a frame shows, with places and the background; `frames` as in `shown`."""
    texts = (described(seen.things(frame), seen.background(frame)) for frame in frames)
    names = tuple(name for name, _ in seen.things(frames[0]))
    return Fact(tuple(dict.fromkeys(t for some in texts for t in some)), tuple(frames), names)


def ground(seen: Seen, frames: list[int]) -> Fact:
    """Name the colour of a frame's background; `frames` as in `shown`."""
    colours = dict.fromkeys(seen.background(frame) for frame in frames)
    return Fact(tuple(colours), tuple(frames))


def how_many(seen: Seen, now: int) -> Fact:
    """Count the different names up to now."""
    names = seen.names(now)
    frames = tuple(sorted({seen.runs_of(name, now)[0].first for name in names}))
    return Fact((count(len(names)),), frames, tuple(names))


def beginning(seen: Seen, now: int) -> Fact:
    """Name what was there before all else; of several that came at once each is right."""
    runs = seen.runs(now)
    names = [run.name for run in runs if run.first == runs[0].first]
    answers = dict.fromkeys((*listed(names), *names))
    return Fact(tuple(answers), tuple({run.first for run in runs[:1]}), tuple(names))


def first(seen: Seen, now: int, word: str) -> Fact:
    """Say when the thing was first seen."""
    runs = seen.runs_of(word, now)
    if not runs:
        return Fact((NEVER,), (), (word,))
    return Fact((clock(seen.times[runs[0].first]),), (runs[0].first,), (word,))


def last(seen: Seen, now: int, word: str) -> Fact:
    """Say when the thing was last seen."""
    runs = seen.runs_of(word, now)
    if not runs:
        return Fact((NEVER,), (), (word,))
    frame = min(now, max(run.last for run in runs))
    return Fact((clock(seen.times[frame]),), (frame,), (word,))


def was_there(seen: Seen, now: int, word: str) -> Fact:
    """Say whether the thing was seen in any frame up to now."""
    runs = seen.runs_of(word, now)
    frames = {k for run in runs for k in range(run.first, min(now, run.last) + 1)}
    return Fact((YES if runs else NO,), tuple(sorted(frames)), (word,))


def is_there(seen: Seen, now: int, word: str) -> Fact:
    """Say whether the thing is in the frame now."""
    members = seen.members(word)
    there = any(name in members for name, _ in seen.things(now))
    return Fact((YES if there else NO,), (now,), (word,))


def where(seen: Seen, now: int, word: str) -> Fact | None:
    """Say where in the frame the one thing of that word is; it cannot be told if it is not."""
    members = seen.members(word)
    found = [at for name, at in seen.things(now) if name in members]
    if len(found) > 1:
        return None
    return Fact(places(found[0]) if found else (CANNOT_TELL,), (now,), (word,))


def how_often(seen: Seen, now: int, word: str) -> Fact:
    """Count how often the thing came."""
    runs = seen.runs_of(word, now)
    frames = sorted({run.first for run in runs})
    return Fact((often(len(runs)),), tuple(frames), (word,))


def after(seen: Seen, now: int, word: str) -> Fact | None:
    """Name what entered next after the last entry of the thing."""
    return _beside(seen, now, word, 1)


def before(seen: Seen, now: int, word: str) -> Fact | None:
    """Name what entered latest before the last entry of the thing."""
    return _beside(seen, now, word, -1)


def _beside(seen: Seen, now: int, word: str, way: int) -> Fact | None:
    if word in seen.groups:
        return None
    mine = seen.runs_of(word, now)
    if not mine:
        return Fact((CANNOT_TELL,), (), (word,))
    entry, runs = mine[-1].first, seen.runs(now)
    if any(run.first == entry and run.name != word for run in runs):
        return None  # which of the two came first is not to be seen
    others = [run for run in runs if (run.first - entry) * way > 0]
    if not others:
        return Fact((NOTHING,), (entry,), (word,))
    near = min((run.first - entry) * way for run in others)
    names = [run.name for run in others if (run.first - entry) * way == near]
    if word in names:
        return None  # "what came before the cheetah?" is not answered by the cheetah
    answers = dict.fromkeys((*names, *listed(names)))
    return Fact(tuple(answers), (entry, entry + near * way), (word, *names))


ABOUT: dict[str, Callable[[Seen, int, str], Fact | None]] = {
    "first": first,
    "last": last,
    "was_there": was_there,
    "is_there": is_there,
    "where": where,
    "how_often": how_often,
    "after": after,
    "before": before,
}


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
