"""Questions that are understood from the one before: "and before that?", "where is it?"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.stream import facts
from longwatch.stream.asking import about, at, choose, moment, present, question
from longwatch.stream.wordings import finish, say, spoken

if TYPE_CHECKING:
    from random import Random

    from longwatch.stream.asking import Question
    from longwatch.stream.facts import Fact
    from longwatch.stream.seen import Seen

# About the thing that the last answer named.
IT: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "first": (
            "(|and )when (did you first see|was the first time you saw) (that|it)(| one)",
            "(|and )when (was that|was it|did it) first (seen|shown|appear)",
        ),
        "last": (
            "(|and )when (did you last see|was the last time you saw) (that|it)(| one)",
            "(|and )when was (that|it) last (seen|there|shown)",
        ),
        "how_often": (
            "(|and )how (often|many times) (did it appear|did that appear)",
            "(|and )how (often|many times) (was it there|did you see it)",
            "(|and )how often (was that|was it|have you seen it|did it come)(| so far)",
        ),
        "where": ("(|and )where (is|do you see) (it|that)(| now)", "in which (part|place) is it"),
        "is_there": (
            "(|and )is (it|that) (still |)(there|visible|in view)(| now)",
            "(do|can) you (still |)see (it|that)(| now)",
        ),
        "after": (
            "(|and )what (came|was|appeared|did you see|was there) (next|after that|after it)",
            "(and |)(after that|then|what about after that|what next)",
        ),
        "before": (
            "(|and )what (came|was|appeared|did you see|was there) (before that|before it)",
            "(and |)(before that|what about before that|what before)",
        ),
    },
    "test": {
        "first": ("since when", "at what time did that one (initially|first) turn up"),
        "last": ("until when(| was it there)", "and its last appearance"),
        "how_often": ("on how many occasions", "how many times in all"),
        "where": ("whereabouts", "and its place"),
        "is_there": ("is that one here(| now)", "still (visible|around)"),
        "after": ("followed by what", "and (afterwards|following that)"),
        "before": ("preceded by what", "and (previously|what preceded it)"),
    },
}
# The same about another thing or another time.
ELSE = {
    "train": (
        "(and |)(what|how) about (the <x>|<a>|<x>)",
        "and (the <x>|<a>|<x>)",
        "same (question |)for (the <x>|<a>)",
    ),
    "test": ("now for the <x>", "then the <x>"),
}
THEN = {
    "train": ("and at <t>", "(and |)what about <t>", "(and |)how about (at |)<t>", "what of <t>"),
    "test": ("now for <t>", "then at <t>"),
}
NOW = {
    "train": ("and (now|right now|at the moment)", "(and |)what about (now|right now)"),
    "test": ("this instant", "and as we speak"),
}
OF_A_THING = ("first", "last", "how_often", "was_there", "is_there", "after", "before")


def follow_up(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    """Ask something and then something more; None where either has no clear answer."""
    lot = rng.random()
    ask = _of_it if lot < 0.6 else _of_another if lot < 0.8 else _of_a_time
    asked = ask(kind, seen, now, rng, wordings)
    if asked is None or rng.random() < 0.7:
        return asked
    idle = about(OF_A_THING[int(len(OF_A_THING) * rng.random())], seen, now, rng, wordings)
    return asked if idle is None else idle.then(asked)


def _of_it(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    opener = ("now", "at", "after", "before")[int(4 * rng.random())]
    start = (
        present(opener, seen, now, rng, wordings)
        if opener == "now"
        else at(opener, seen, now, rng, wordings)
        if opener == "at"
        else about(opener, seen, now, rng, wordings)
    )
    name = start.answers[0] if start else ""
    runs = seen.runs_of(name, now)
    if start is None or not runs or len(start.answers) > 1 or name in seen.groups:
        return None
    asked = tuple(IT[wordings])[int(len(IT[wordings]) * rng.random())]
    if asked in {"after", "before"} and not runs[-1].first <= start.frames[-1] <= runs[-1].last:
        # From one entry to the next; "that" must be the last entry of the thing.
        return None
    if asked == "where" and name not in [there for there, _ in seen.things(now)]:
        return None
    return _then(
        kind, start, IT[wordings][asked], facts.ABOUT[asked](seen, now, name), rng, wordings
    )


def _of_another(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    asked = OF_A_THING[int(len(OF_A_THING) * rng.random())]
    start = about(asked, seen, now, rng, wordings)
    word = choose(asked, seen, now, rng)
    if start is None or word is None or word == start.names[0]:
        return None
    fact = facts.ABOUT[asked](seen, now, word)
    return _then(kind, start, ELSE[wordings], fact, rng, wordings, thing=word)


def _of_a_time(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    start = at("at", seen, now, rng, wordings)
    if rng.random() < 0.3:
        return _then(kind, start, NOW[wordings], facts.shown(seen, [now]), rng, wordings)
    if rng.random() < 0.3:
        start = present("now", seen, now, rng, wordings)
    frame = moment(seen, now, rng)
    time = spoken(seen.times[frame], rng)
    fact = facts.shown(seen, seen.second(frame, now))
    return _then(kind, start, THEN[wordings], fact, rng, wordings, time=time)


def _then(
    kind: str,
    start: Question,
    templates: tuple[str, ...],
    fact: Fact | None,
    rng: Random,
    wordings: str,
    **words: str,
) -> Question | None:
    if fact is None:
        return None
    template = templates[int(rng.random() * len(templates))]
    text = finish(say(template, rng, **words), rng, wordings)
    return question(kind, text, fact, ((start.text, start.answers[0]),))
