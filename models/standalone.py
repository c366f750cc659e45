"""A question that asks on, put so that it stands alone: "and before that?" names its thing.

The bundled model was taught a few ways to ask on, and reads a dialogue worse than one question; so
what a question leaves out is filled in from the one before it and its answer where rules can tell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from longwatch.models.answer_words import article
from longwatch.models.follow_up import POLITE, follows_up, known_things
from longwatch.models.sayings import TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.base import Turn
    from longwatch.models.bundled_tokenizer import BundledTokenizer

CLOSING = re.compile(r"(?:[\s,?.!]|\b(?:please|thanks|then)(?=[\s?.!]*$))+$")
LEADING = re.compile(r"^(?:(?:and|or|also|but|no|instead|sorry|so)\b[\s,:]*)+")
AGAIN = re.compile(
    r"^(?:(?:(?:what|how) about|what of|(?:tell me )?(?:the )?same(?: question)?|i meant?|for|about"
    r"|(?:now|then)(?= (?:for|at|the|an?)\b)|(?:back )?at(?: time)?)\s+)+"
)
CLOCK = re.compile(TIME)
NOW = re.compile(r"(?:right |for )?now|at the moment|at present|currently")
GROUND = re.compile(r"\b(?:background|colou?r)\b")
SCENE = re.compile(r"\b(?:descri\w+|scene|going on|happening|everything|and where)\b")
ORDER = re.compile(r"\b(?:(before|precede\w*)|after|next|then|follow\w*)\b")
WORD_FOR_IT = (re.compile(r"\b(?:it|that one|them|they)\b"), re.compile(r"\bthat\b"))
WHOLE = 4  # words: "where is the owl"
BARE = (
    (re.compile(r"\b(?:first|since when)\b"), "when was the {} first seen"),
    (re.compile(r"\b(?:last|(?:until|till) when)\b"), "when was the {} last seen"),
    (re.compile(r"\b(?:often|times)\b"), "how often was the {} there"),
    (re.compile(r"\b(?:where|part|side|corner|position|location|place)\b"), "where is the {}"),
    (re.compile(r"\b(?:there|visible|in view|around|on camera)\b"), "is the {} there now"),
)


class Said(NamedTuple):
    """A question that stands alone, in the form that the model reads, and its answer."""

    question: str
    answer: str


def last_question(words: BundledTokenizer, turns: Sequence[Turn]) -> str | None:
    """Return the last question of a dialogue as one that stands alone.

    None where it asks on and the rules cannot tell after what.
    """
    before: Said | None = None
    asked: str | None = None
    for turn in turns:
        if turn.role == "assistant":
            before = Said(words.canonical(asked), turn.text) if asked is not None else None
        elif not follows_up(words, turn.text):
            asked = turn.text
        else:
            asked = standalone(words, before, turn.text) if before else None
    return asked


def standalone(words: BundledTokenizer, before: Said, text: str) -> str | None:
    """Return `text`, which asks on after `before`, as a question of its own.

    None where the rules cannot tell what is meant.
    """
    asked = CLOSING.sub("", POLITE.sub("", words.canonical(text).lower()))
    asked = LEADING.sub("", asked)
    rest = AGAIN.sub("", asked)
    named = _thing(words, asked)
    if named:
        return _of_another(words, before, rest, named)
    if time := CLOCK.search(rest):
        return _at(before, time[0]) if time[0] == rest else _whole(asked)
    about, told = _thing(words, before.question), _thing(words, before.answer)
    if NOW.fullmatch(rest) or NOW.fullmatch(asked):
        return _now(before, about)
    many = len(known_things(words, before.answer)) > 1
    return None if many else _of_it(asked, told or about)


def _thing(words: BundledTokenizer, text: str) -> str | None:
    """Return the one thing that `text` names."""
    found = known_things(words, text)
    return found[0] if len(set(found)) == 1 else None


def _of_another(words: BundledTokenizer, before: Said, rest: str, name: str) -> str | None:
    about = _thing(words, before.question)
    if not re.fullmatch(rf"(?:(?:the|an?|any) )?{re.escape(name)}(?: too| also| instead)?", rest):
        return _whole(rest)
    if about is None:
        return None
    asked = re.sub(rf"\ban? {re.escape(about)}\b", article(name), before.question)
    return re.sub(rf"\b{re.escape(about)}\b", name, asked)


def _whole(asked: str) -> str | None:
    """Return a question that has its thing or its time, if it has a verb too, by its length."""
    return asked if len(asked.split()) >= WHOLE else None


def _at(before: Said, time: str) -> str:
    if CLOCK.search(before.question):
        return CLOCK.sub(time, before.question, count=1)
    if GROUND.search(before.question):
        return f"what colour was the background at {time}"
    if SCENE.search(before.question):
        return f"describe the scene at {time}"
    return f"what was there at {time}"


def _now(before: Said, about: str | None) -> str:
    if ORDER.search(before.question):
        return "what do you see now"
    if about:
        return f"is the {about} there now"
    if not CLOCK.search(before.question):
        return before.question
    if GROUND.search(before.question):
        return "what colour is the background now"
    return "describe the scene now" if SCENE.search(before.question) else "what do you see now"


def _of_it(asked: str, name: str | None) -> str | None:
    if name is None:
        return None
    if order := ORDER.search(asked):
        return f"what came {'before' if order[1] else 'after'} the {name}"
    for pattern in WORD_FOR_IT:
        if pattern.search(asked):
            return pattern.sub(f"the {name}", asked, count=1)
    for pattern, question in BARE:
        if pattern.search(asked):
            return question.format(name)
    return f"the {name}: {asked}"
