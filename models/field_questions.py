"""What is asked for one field of a JSON schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["flag", "count", "choice", "words", "list", "other"]
SPLIT = re.compile(r"[^\W\d_]+|\d+")
CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])")
AT = re.compile(r"\bat (?:time )?(?:\d{1,2}(?::|h ?))?\d{1,3}:[0-5]\d\b", re.IGNORECASE)
COUNTING = frozenset({"number", "num", "count", "total", "of", "how", "many", "n"})
BEING = frozenset({"is", "are", "was", "were", "does", "do", "did", "can"})
ARTICLES = frozenset({"a", "an", "the", "any"})
SEEING = frozenset(
    {"has", "have", "had", "contains", "shows", "shown", "see", "sees", "saw", "seen", "present"}
) | {"visible", "there", "detected", "found", "in", "view"}
PAST = frozenset({"was", "were", "did", "had", "seen", "saw"})


def question_of(path: Sequence[str], kind: Kind, description: str | None, asked: str) -> str:
    """Return the question for the field at `path`, its name last.

    It is the field's description, where there is one. Else its name makes it, at the moment that
    the user's question `asked` says ("at 0:42"), if it says one.
    """
    if description is not None and description.strip():
        return description.strip().rstrip(".?!: ") + "?"
    words = [_words(name) for name in path]
    name = words[-1] if words else []
    moment = AT.search(asked)
    text = _asking(kind, name, words[-2] if len(words) > 1 else [], past=moment is not None)
    return f"{text} {moment[0]}?" if moment else f"{text}?"


def _asking(kind: Kind, name: list[str], owner: list[str], *, past: bool) -> str:
    of = f" of the {' '.join(owner)}" if owner else ""
    if kind == "flag":
        return _whether(name, of, past=past)
    if kind == "count":
        things = " ".join(word for word in name if word not in COUNTING) or "things"
        return f"How many {things}{of} {'were' if past else 'are'} there"
    if kind == "list":
        return f"What {' '.join(name) or 'things'}{of} {'did' if past else 'do'} you see"
    return f"What {'was' if past else 'is'} the {' '.join(name) or 'answer'}{of}"


def _whether(name: list[str], of: str, *, past: bool) -> str:
    thing = [word for word in name if word not in SEEING | BEING | ARTICLES]
    past = past or not PAST.isdisjoint(name)
    if not thing or (name[0] in BEING and SEEING.isdisjoint(name) and len(thing) > 1):
        return (" ".join(name) or "is it so").capitalize() + of  # "is the door open"
    text = " ".join(thing)
    article = "an" if text[0] in "aeiou" else "a"
    return f"{'Was' if past else 'Is'} there {article} {text}{of}"


def _words(name: str) -> list[str]:
    return [word.lower() for word in SPLIT.findall(CAMEL.sub(" ", name))]
