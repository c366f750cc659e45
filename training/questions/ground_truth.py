"""The right answers about a word, a time or the present, from what the frames have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    from collections.abc import Callable

    from training.questions.seen import Seen


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
