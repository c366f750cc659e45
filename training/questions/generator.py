"""Questions of each plain kind about what was seen, with what is asked about well mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from training.questions import ground_truth
from training.questions.wordings.grammar import spoken, wording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from training.questions.ground_truth import Fact, Seen

    Ask = Callable[[Seen, int, Random, str], "Question | None"]

IN_GROUPS = {"first", "last", "was_there", "is_there", "where", "how_often"}


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a stream and all its right answers, the first of them the best.

    `history` holds the (question, answer) pairs before it, `frames` the indices of the sampled
    frames that prove the answer, and `names` the words for the things that it is about.
    """

    kind: str
    text: str
    answers: tuple[str, ...]
    history: tuple[tuple[str, str], ...] = ()
    frames: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def then(self, later: Question) -> Question:
        """Return `later` as it is asked after this question and its answer."""
        earlier = (*self.history, (self.text, self.answers[0]))
        return replace(later, history=(*earlier, *later.history))


def question(
    kind: str, text: str, fact: Fact, history: tuple[tuple[str, str], ...] = ()
) -> Question:
    """Return a question that a fact answers."""
    return Question(kind, text, fact.answers, history, fact.frames, fact.names)


def about(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    """Ask for something about one thing; None where that has no clear answer."""
    word = choose(kind, seen, now, rng)
    if word is None:
        return None
    fact = ground_truth.ABOUT[kind](seen, now, word)
    return fact and question(kind, wording(kind, rng, wordings, word), fact)


def present(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask for what is there now."""
    fact = ground_truth.shown(seen, [now])
    return question(kind, wording(kind, rng, wordings), fact)


def at(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask for what was there at the time of a frame."""
    frame = moment(seen, now, rng)
    time = spoken(seen.times[frame], rng)
    fact = ground_truth.shown(seen, seen.second(frame, now))
    return question(kind, wording(kind, rng, wordings, time=time), fact)


def background(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask for the background's colour, now or at a time."""
    return _now_or_at(kind, (seen, now), rng, wordings, ground_truth.ground)


def describe(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask for a description of the present or of a time."""
    return _now_or_at(kind, (seen, now), rng, wordings, ground_truth.described_at)


def how_many(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask how many different things there were."""
    return question(kind, wording(kind, rng, wordings), ground_truth.how_many(seen, now))


def beginning(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question:
    """Ask what the first thing of all was."""
    return question(kind, wording(kind, rng, wordings), ground_truth.beginning(seen, now))


def moment(seen: Seen, now: int, rng: Random) -> int:
    """Draw a frame up to now, less often one that shows nothing."""
    frame = int((now + 1) * rng.random())
    return frame if seen.things(frame) else int((now + 1) * rng.random())


def choose(kind: str, seen: Seen, now: int, rng: Random) -> str | None:
    """Draw the word to ask a kind of question about: half of yes or no, most of the rest seen.

    None where there is none of the sort that was drawn.
    """
    lot = rng.random()
    there = [name for name, _ in seen.things(now)]
    names = seen.names(now)
    if kind in {"is_there", "where"}:
        if lot < (0.5 if kind == "is_there" else 0.92):
            return _word(kind, seen, there, rng)
        gone = [name for name in names if name not in there]
        return _absent(kind, seen, (gone, 0.5), there, rng)
    if kind == "was_there":
        if lot < 0.5:
            gone = [name for name in names if name not in there]
            return _word(kind, seen, gone if lot < 0.35 and gone else names, rng)
        return _absent(kind, seen, ((), 0.0), names, rng)
    if lot < (0.92 if kind in {"after", "before"} else 0.75):
        often = [run.name for run in seen.runs(now)] if kind == "how_often" else names
        return _word(kind, seen, often, rng)
    return _absent(kind, seen, ((), 0.0), names, rng)


def _word(kind: str, seen: Seen, names: Sequence[str], rng: Random) -> str | None:
    """Draw a name, and sometimes say the word for its group."""
    if not names:
        return None
    name = names[int(rng.random() * len(names))]
    groups = seen.words(name) if kind in IN_GROUPS and rng.random() < 0.15 else ()
    return groups[int(rng.random() * len(groups))] if groups else name


def _absent(
    kind: str,
    seen: Seen,
    tempting: tuple[Sequence[str], float],
    present: Sequence[str],
    rng: Random,
) -> str | None:
    """Draw a word for none of `present`: of the tempting ones, this world's, or any."""
    names, share = tempting
    lot = rng.random()
    if not names or lot > share:
        names = seen.world.names if lot < share + (1 - share) / 2 else seen.world.known
    for choice in (names, seen.world.names, seen.world.known, seen.world.known):
        word = _word(kind, seen, choice, rng)
        if word and not set(seen.members(word)).intersection(present):
            return word
    return None


def _now_or_at(
    kind: str,
    seen_now: tuple[Seen, int],
    rng: Random,
    wordings: str,
    fact: Callable[[Seen, list[int]], Fact],
) -> Question:
    seen, now = seen_now
    if rng.random() < 0.6:
        return question(kind, wording(kind, rng, wordings), fact(seen, [now]))
    frame = moment(seen, now, rng)
    time = spoken(seen.times[frame], rng)
    text = wording(f"{kind}_at", rng, wordings, time=time)
    return question(kind, text, fact(seen, seen.second(frame, now)))
