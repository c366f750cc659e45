"""How people ask: a small grammar of wordings for each kind of question, some kept for tests.

In a template `(a|b|)` stands for one of its alternatives, `<x>` for the name of a thing, `<a>` for
the name with "a" or "an", and `<t>` for a time.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from longwatch.models.answer_words import article, clock
from training.questions.wordings.events import EVENTS
from training.questions.wordings.held_out import HELD_OUT
from training.questions.wordings.present import PRESENT
from training.questions.wordings.times import TIMES

if TYPE_CHECKING:
    from random import Random

TRAIN = PRESENT | TIMES | EVENTS
WORDINGS = {"train": TRAIN, "test": HELD_OUT}
OPENINGS = {
    "train": (
        *("please tell me, ", "hey, ", "one question: ", "can you tell me, ", "so ", "ok, "),
        *("hi, ", "hello, ", "excuse me, ", "please, ", "i would like to know: ", "okay, so "),
        *("tell me, ", "another question: ", "well, ", "i wonder, ", "sorry, ", "hi! "),
    ),
    "test": ("um, ", "say, ", "could you say, "),
}
CLOSINGS = {
    "train": (*3 * ("?", "?", ""), "", ".", " ?", " please", ", please", "!", ", thanks"),
    "test": ("?", "", "??"),
}


@cache
def _parts(template: str) -> tuple[tuple[str, ...], ...]:
    pieces = re.split(r"\(([^()]*)\)", template)
    return tuple(
        tuple(piece.split("|")) if k % 2 else (piece,) for k, piece in enumerate(pieces) if piece
    )


def spoken(seconds: float, rng: Random) -> str:
    """Return a time as a user may write it."""
    whole, way = int(seconds), int(8 * rng.random())
    hours, minutes, second = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        ways = (f"{hours}:{minutes:02}:{second:02}", f"{hours:02}:{minutes:02}:{second:02}")
        return clock(seconds) if way > 1 else ways[way]
    if way == 0:
        return f"0:{minutes:02}:{second:02}"
    if way == 1:
        return f"{minutes}:{second:02}"
    if way == 2:
        return f"minute {minutes} second {second}" if minutes else f"second {second}"
    return clock(seconds)


def say(template: str, rng: Random, thing: str = "", time: str = "") -> str:
    """Return one wording of a template about a thing and a time."""
    text = "".join(options[int(rng.random() * len(options))] for options in _parts(template))
    return text.replace("<x>", thing).replace("<a>", article(thing)).replace("<t>", time)


def finish(text: str, rng: Random, wordings: str) -> str:
    """Return a question with the openings, closings and capitals that users may give it."""
    if rng.random() < 0.12:
        openings = OPENINGS[wordings]
        text = openings[int(rng.random() * len(openings))] + text
    closings = CLOSINGS[wordings]
    text += closings[int(rng.random() * len(closings))]
    case = rng.random()
    if case < 0.03:
        return text.upper()
    return text if case < 0.4 else text[:1].upper() + text[1:]


def wording(kind: str, rng: Random, wordings: str, thing: str = "", time: str = "") -> str:
    """Return a question of a kind about a thing and a time (as `spoken` writes it)."""
    templates = WORDINGS[wordings][kind]
    return finish(
        say(templates[int(rng.random() * len(templates))], rng, thing, time), rng, wordings
    )
