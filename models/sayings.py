"""Everyday words and turns of phrase, put as the bundled model was taught to read them.

A model of a few million parameters knows the words that it was trained on and no others. A table
of what else people say ("spotted", "backdrop", "on how many occasions") and a few turns of a
sentence bring most questions to words that it knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORD = re.compile(r"[^\W_]+")
TIME = r"(?:\d+h)?\d\d:\d\d"
THING = r"((?:the|an?|any) [^,?.!:;]+?)"
# Each is looked for in a text whose words are already those of the table.
TURNS = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (rf"(?<!what )(?<!how )\b(?:about|around|near|by|on|as of|@|approx) (?={TIME})", "at "),
        (rf"\bat at (?={TIME})", "at "),
        (r"\bon (?=(?:the|this) video\b)", "in "),
        (rf"\bthe ({TIME}) (?:mark|point)\b", r"\1"),
        (rf"\b(?:when|as) the (?:clock|timer?|counter) (?:said|read|showed|was) (?={TIME})", "at "),
        (rf"\b(?:rewind|jump|go|skip|return|scroll) (?:back )?to (?={TIME})", "go back to "),
        (rf"\bwhere {THING} is\b", r"where is \1"),
        (
            rf"\bwhen did {THING} (?:disappear|leave|vanish|go away|go out|go|exit|depart)\b",
            r"when was \1 last seen",
        ),
        (
            rf"\b(?:until|till) when was {THING} (?:there|visible|in view)\b",
            r"when was \1 last seen",
        ),
        (
            rf"\bsince when (?:is|was|has) {THING} (?:been )?(?:there|visible)\b",
            r"when was \1 first seen",
        ),
        (
            rf"\bhow many (?:appearances|entrances|visits) did {THING} make\b",
            r"how often did \1 appear",
        ),
    )
)


def phrases(table: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Return a table of what is meant and what people say the other way round, word by word."""
    return {tuple(WORD.findall(other)): said for said, others in table.items() for other in others}


def turned(text: str) -> str:
    """Return `text` with single spaces, its sentences turned as training has them."""
    text = " ".join(text.split())
    for pattern, said in TURNS:
        text = pattern.sub(said, text)
    return text
