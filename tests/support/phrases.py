"""Every text of a grammar of wordings, told without chance, and texts without what is idle."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT = re.compile(r"(?<=[a-z]) ?'s\b")
# What begins a polite question, and says nothing of what is asked.
CARRIER = re.compile(
    r"^(?:(?:please|and|so|(?:can|could) you|do you know|i (?:want|would like) to know"
    r"|i (?:want|need|would like)|(?:tell|give|show) me|tell|show|say|name|list) )+"
)
# Words that may be left out.
FILLER = re.compile(
    r"\b(?:right now|just now|now|at the moment|at present|currently|so far|up to now|yet"
    r"|in all|just|please|the|an?|any|some)\b"
)


def texts(templates: Iterable[str]) -> set[str]:
    """Return every wording of the templates, about an emu or 00:05."""
    found = set()
    for template in templates:
        pieces = re.split(r"\(([^()]*)\)", template)
        options = [piece.split("|") if k % 2 else [piece] for k, piece in enumerate(pieces)]
        for parts in product(*options):
            text = "".join(parts).replace("<x>", "emu").replace("<a>", "an emu")
            found.add(text.replace("<t>", "00:05"))
    return found


def words(text: str) -> str:
    """Return the words of a text: no marks, no articles, no short forms."""
    text = re.sub(r"[^\w:' -]", " ", SHORT.sub(" is", text.lower())).replace("color", "colour")
    return " ".join(re.sub(r"\b(?:the|an?|any)\b|:(?!\d)", " ", text).split())


def bare(text: str) -> str:
    """Return the words of a text that say what is asked; order counts."""
    text = " ".join(re.sub(r"[^\w:' -]|:(?!\d)", " ", SHORT.sub(" is", text.lower())).split())
    return " ".join(FILLER.sub(" ", CARRIER.sub("", text.replace("color", "colour"))).split())


def jumbled(text: str) -> tuple[str, ...]:
    """Return the words of a text but for fillers, in no order."""
    text = re.sub(r"[^\w:' -]|:(?!\d)", " ", SHORT.sub(" is", text.lower()))
    return tuple(sorted(FILLER.sub(" ", text.replace("color", "colour")).split()))
