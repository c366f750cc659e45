"""The answers to questions for single values, written as the JSON of those values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import torch

from longwatch.models.answer_words import CANNOT_TELL, NOTHING
from longwatch.models.text import TextStream
from longwatch.models.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from longwatch.models.base import Tokenizer, VideoLM

ARTICLES = ("", "a ", "an ", "the ", "some ")
BETWEEN = re.compile(r"\s*(?:,|;|\n|\band\b|&)\s*", re.IGNORECASE)
ARTICLE = re.compile(r"^(?:an?|the|some)\s+", re.IGNORECASE)
EMPTY = frozenset({"", "none", "no", NOTHING})
UNKNOWN = re.compile(r"\b(?:can't|cannot|can not) tell\b|\b(?:don't|do not) know\b", re.IGNORECASE)


def dumped(value: Any) -> str:
    """Return a value as JSON without any space."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Chosen(Voice):
    """One of several values, by the likeliest way to say one; it ends once only one is left."""

    def __init__(self, model: VideoLM, ways: Iterable[tuple[str, Any]], lead: str = "") -> None:
        """Take the ways to say each value, as text; of two that read alike the first one counts."""
        self.lead = lead
        self._stops = sorted(model.stop_ids)
        self._values: dict[tuple[int, ...], str] = {}
        for text, value in ways:
            for said in dict.fromkeys((text, text[:1].upper() + text[1:])):
                if ids := tuple(model.tokenizer.encode(said)):
                    self._values.setdefault(ids, dumped(value))
        self._said: tuple[int, ...] = ()

    def allowed(self, logits: Tensor) -> Tensor:  # noqa: D102
        n = len(self._said)
        ids = {way[n] for way in self._values if len(way) > n}
        if self._said in self._values:
            ids.update(stop for stop in self._stops if stop < len(logits))
        place = torch.tensor(sorted(ids), device=logits.device)
        return torch.full_like(logits, -torch.inf).scatter(0, place, logits[place])

    def push(self, token: int) -> str:  # noqa: D102
        self._said = (*self._said, token)
        n = len(self._said)
        self._values = {way: v for way, v in self._values.items() if way[:n] == self._said}
        self.whole = len(set(self._values.values())) == 1
        return ""

    def finish(self) -> str:  # noqa: D102
        return self._values.get(self._said) or next(iter(self._values.values()))


class Worded(Voice):
    """A string: what the model says, from `least` to `most` characters of it."""

    def __init__(
        self,
        model: VideoLM,
        lead: str = "",
        stop: Sequence[str] = (),
        limits: tuple[int, int | None] = (0, None),
    ) -> None:
        self.lead = f'{lead}"'
        self._stops = sorted(model.stop_ids)
        self._least, self._most = limits
        self._text, self._length = TextStream(model.tokenizer, stop), 0

    def allowed(self, logits: Tensor) -> Tensor:  # noqa: D102
        if self._length >= self._least:
            return logits
        stops = [stop for stop in self._stops if stop < len(logits)]
        return logits.index_fill(0, torch.tensor(stops, device=logits.device).long(), -torch.inf)

    def push(self, token: int) -> str:  # noqa: D102
        piece = self._escaped(self._text.push(token))
        self.whole = self._text.stopped or self._length == self._most
        return piece

    def finish(self) -> str:  # noqa: D102
        return f'{self.cut()}"'

    def cut(self) -> str:  # noqa: D102
        return self._escaped(self._text.finish())

    def _escaped(self, text: str) -> str:
        if self._most is not None:
            text = text[: self._most - self._length]
        self._length += len(text)
        return dumped(text)[1:-1]


class Gathered(Voice):
    """A value that is read out of all that the model says."""

    def __init__(self, tokenizer: Tokenizer, read: Callable[[str], Any], lead: str = "") -> None:
        """Take `read`, which makes the value of any text."""
        self.lead = lead
        self._tokenizer, self._read = tokenizer, read
        self._ids: list[int] = []

    def push(self, token: int) -> str:  # noqa: D102
        self._ids.append(token)
        return ""

    def finish(self) -> str:  # noqa: D102
        return dumped(self._read(self._tokenizer.decode(self._ids)))


def unknown(text: str) -> bool:
    """Tell whether `text` says that there is no telling."""
    return UNKNOWN.search(text) is not None


def listed(
    tokenizer: Tokenizer,
    text: str,
    options: Sequence[str] | None = None,
    most: int | None = None,
    *,
    unique: bool = False,
) -> list[str]:
    """Return what `text` lists, with commas or "and" between, without articles.

    Of `options`, where there are any, those that it names, as they are spelled there; what it says
    besides is left out. Nothing at all, or that there is no telling, is an empty list.
    """
    parts = [ARTICLE.sub("", part.strip(" .\"'")) for part in BETWEEN.split(text)]
    words = [part for part in parts if part.lower() not in EMPTY]
    if unknown(text):
        words = []
    if options is not None:
        spelled = {tuple(tokenizer.encode(option)): option for option in reversed(options)}
        found = [spelled.get(tuple(tokenizer.encode(word))) for word in words]
        words = [option for option in found if option is not None]
    if unique:
        words = list(dict.fromkeys(words))
    return words if most is None else words[:most]


def doubtful(nullable: bool) -> list[tuple[str, None]]:
    """Return the ways to say null, where a value may be."""
    return [(CANNOT_TELL, None)] if nullable else []
