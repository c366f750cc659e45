"""The bundled model's words: one token a word, or a name of several words, or half a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TIME = re.compile(r"(?:\d+:)?(\d{1,2}):(\d{2})")  # hours are dropped: time is known modulo one
ATOM = re.compile(r"(?:\d+:)?[0-5]?\d:[0-5]\d(?![\d:])|[^\W_]+|[?.,:]")
CODED = re.compile(r"<\w+>|[mns]\d\d")  # tokens that no word of a text stands for
CLOSING = frozenset("?.,:")
UNKNOWN = "<unk>"
EQUIVALENT = {  # where the word itself is unknown; "s" is what is left of "what's"
    "an": "a",
    "any": "a",
    "some": "a",
    "s": "is",
    "are": "is",
    "centre": "center",
    "middle": "center",
}


class WordTokenizer:
    """Text to the ids of known words and back; upper and lower case are the same.

    `vocabulary` holds each token at its id; of two alike the last one is meant in a text.
    `synonyms` maps other names to tokens. A time such as 0:08 is a minute and a second token
    (m00 s08), a number below 100 is one token (n08). Words that are not known become `<unk>`.
    """

    def __init__(self, vocabulary: Sequence[str], synonyms: Mapping[str, str]) -> None:
        self._tokens = tuple(vocabulary)
        self.ids = {token: i for i, token in enumerate(vocabulary)}
        plain = {token: i for token, i in self.ids.items() if not CODED.fullmatch(token)}
        names = {name: self.ids[token] for name, token in synonyms.items()}
        self._phrases = {tuple(ATOM.findall(t.lower())): i for t, i in (names | plain).items()}
        self._longest = max(map(len, self._phrases))

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; the longest name that is known wins."""
        atoms, ids, at = ATOM.findall(text.lower()), list[int](), 0
        while at < len(atoms):
            found, n = self._longest_phrase(atoms[at : at + self._longest])
            ids += found
            at += n
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return readable text; that of the first ids is always how that of all begins."""
        return "".join(self._pieces(ids)).removeprefix(" ")

    def _longest_phrase(self, atoms: list[str]) -> tuple[list[int], int]:
        """Return the ids that some of the first `atoms` stand for, and how many they are."""
        for n in range(len(atoms), 0, -1):
            for phrase in _forms(atoms[:n]):
                if phrase in self._phrases:
                    return [self._phrases[phrase]], n
        return self._single(atoms[0]), 1

    def _single(self, atom: str) -> list[int]:
        if time := TIME.fullmatch(atom):
            minute, second = map(int, time.groups())
            return [self.ids[f"m{minute:02}"], self.ids[f"s{second:02}"]]
        if atom.isdecimal() and int(atom) < 100:
            return [self.ids[f"n{int(atom):02}"]]
        return [self.ids[EQUIVALENT.get(atom, UNKNOWN)]]

    def _pieces(self, ids: Sequence[int]) -> Iterator[str]:
        """Yield each token's text with the space in front of it."""
        before = ""
        for i in ids:
            token = self._tokens[i]
            if not CODED.fullmatch(token):
                yield token if token in CLOSING else f" {token}"
            elif token[0] == "m":
                yield f" {int(token[1:])}:"
            elif token[0] == "s":
                yield (
                    token[1:] if before[:1] == "m" and CODED.fullmatch(before) else f" :{token[1:]}"
                )
            elif token[0] == "n":
                yield f" {int(token[1:])}"
            before = token


def _forms(atoms: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words as they are, then with the last one in the singular."""
    yield tuple(atoms)
    last = atoms[-1]
    for plural, singular in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
        if last.endswith(plural) and len(last) > len(plural) + 2:
            yield (*atoms[:-1], last.removesuffix(plural) + singular)
