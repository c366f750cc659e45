"""Questions that are understood from the one before: "and before that?", "where is it?"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.questions import ground_truth
from training.questions.generator import about, at, choose, moment, present, question
from training.questions.wordings.follow_ups import ELSE, IT, NOW, THEN
from training.questions.wordings.grammar import finish, say, spoken

if TYPE_CHECKING:
    from random import Random

    from training.questions.generator import Question
    from training.questions.ground_truth import Fact, Seen

# One more question comes first where all is short enough for a lesson: three markers a turn more.
TRIES = 4
MOST_WORDS = 23
OF_A_THING = ("first", "last", "how_often", "was_there", "is_there", "after", "before")


def follow_up(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    """Ask something and then something more; None where either has no clear answer."""
    lot = rng.random()
    ask = _of_it if lot < 0.6 else _of_another if lot < 0.8 else _of_a_time
    asked = ask(kind, seen, now, rng, wordings)
    if asked is None or rng.random() < 0.7:
        return asked
    for _ in range(TRIES):
        idle = about(OF_A_THING[int(len(OF_A_THING) * rng.random())], seen, now, rng, wordings)
        if idle and _words(both := idle.then(asked)) <= MOST_WORDS:
            return both
    return asked


def _words(question: Question) -> int:
    said = [text for turn in question.history for text in turn]
    return len(" ".join([*said, question.text, question.answers[0]]).split())


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
        kind, start, IT[wordings][asked], ground_truth.ABOUT[asked](seen, now, name), rng, wordings
    )


def _of_another(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    asked = OF_A_THING[int(len(OF_A_THING) * rng.random())]
    start = about(asked, seen, now, rng, wordings)
    word = choose(asked, seen, now, rng)
    if start is None or word is None or word == start.names[0]:
        return None
    fact = ground_truth.ABOUT[asked](seen, now, word)
    return _then(kind, start, ELSE[wordings], fact, rng, wordings, thing=word)


def _of_a_time(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    start = at("at", seen, now, rng, wordings)
    if rng.random() < 0.3:
        return _then(kind, start, NOW[wordings], ground_truth.shown(seen, [now]), rng, wordings)
    if rng.random() < 0.3:
        start = present("now", seen, now, rng, wordings)
    frame = moment(seen, now, rng)
    time = spoken(seen.times[frame], rng)
    fact = ground_truth.shown(seen, seen.second(frame, now))
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
