"""Questions that no video of these worlds answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.models.answer_words import CANNOT_TELL
from training.questions.generator import Question
from training.questions.wordings.grammar import finish, say, spoken, wording
from training.questions.wordings.unanswerable import UNANSWERABLE

if TYPE_CHECKING:
    from random import Random

    from training.questions.ground_truth import Seen

STARTS = ("bl", "fr", "gl", "k", "m", "n", "pl", "qu", "sk", "sn", "t", "v", "w", "z", "dr")
MIDDLES = ("a", "e", "i", "o", "u", "oo", "ee")
ENDS = ("bble", "ck", "mp", "rfin", "ndle", "xo", "zzit", "gork", "lp", "wug", "nter", "sh")
KINDS = ("is_there", "was_there", "where", "first", "last", "how_often", "after", "before")


def unanswerable(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    """Ask about what is not in the picture, a word that there is not, or a time not yet seen."""
    lot = rng.random()
    if lot < 0.7:
        templates = UNANSWERABLE[wordings]
        names = seen.names(now) if rng.random() < 0.5 else seen.world.known
        name = _one(names or seen.world.names, rng)
        text = finish(say(_one(templates, rng), rng, name), rng, wordings)
        return Question(kind, text, (CANNOT_TELL,))
    if lot < 0.85:
        word = invented(rng)
        if word in seen.world.known or word in seen.groups:
            return None
        return Question(kind, wording(_one(KINDS, rng), rng, wordings, word), (CANNOT_TELL,))
    later = seen.times[now] + 2 + int(4 ** (6 * rng.random()))
    text = wording(_one(("at", "describe_at"), rng), rng, wordings, time=spoken(later, rng))
    return Question(kind, text, (CANNOT_TELL,))


def invented(rng: Random) -> str:
    """Return a word of two syllables or three that means nothing."""
    middle = _one(MIDDLES, rng) + (_one(STARTS, rng) if rng.random() < 0.4 else "")
    return _one(STARTS, rng) + middle + _one(ENDS, rng)


def _one(options: tuple[str, ...] | list[str], rng: Random) -> str:
    return options[int(rng.random() * len(options))]
