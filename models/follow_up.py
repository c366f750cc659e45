"""Whether a question can be understood without what was said before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.models.bundled_tokenizer import BundledTokenizer

SHORT = 8  # words; a longer question says by itself what it is about
POLITE = re.compile(
    r"^(?:(?:hello|hi|hey|ok|okay|well|so|please|excuse me|one question|a question|thanks"
    r"|sorry|another question|(?:can|could|do) you tell me|i would like to know|i want to know"
    r"|tell me|do you know)\b[\s,.:!-]*)+"
)
GOES_ON = re.compile(
    r"^(?:and|or|also|no|then|but|instead|i meant?|what about|how about|what of|(?:the )?same"
    r"|before that|after that|just before|right before)\b|\btoo\W*$"
)
REFERS = re.compile(r"\b(?:it|its|them|they|that one|the other one|that)\b")
RELATIVE = re.compile(r"\b(?:things?|objects?|items?|it) that\b|\bthat (?:you|we|i|the)\b")
ASKS_ON = re.compile(
    r"\b(?:next|before|after|first time|last time|how often|how many times|number of times|where"
    r"|part|side|corner|position|then|again|still)\b"
)
SCENE = re.compile(
    r"\b(?:background|colou?r|scene|video|things|everything|describe|what is where)\b"
    r"|\b(?:is there|be seen|you see) and where\b"
)
TIME = re.compile(r"\d")


def follows_up(words: BundledTokenizer, text: str) -> bool:
    """Tell whether `text` asks on after an answer: "and before that?", "where is it now?".

    It does where it begins as such questions do, or where it names neither a thing nor a time and
    points back ("it", "that") or asks what nobody can tell without a thing ("how often?").
    """
    said = POLITE.sub("", words.canonical(text).lower())
    if GOES_ON.search(said):
        return True
    if TIME.search(said) or SCENE.search(said) or known_things(words, said):
        return False
    if len(said.split()) > SHORT + 4:
        return False
    if REFERS.search(RELATIVE.sub(" ", said)):
        return True
    return len(said.split()) <= SHORT and ASKS_ON.search(said) is not None


def known_things(words: BundledTokenizer, text: str) -> list[str]:
    """Return the things, and groups of things, that `text` names and the model knows."""
    return [words.things[i] for i in words.encode(text) if i in words.things]
