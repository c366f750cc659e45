"""The bundled model's words: one token a thing's name, a word of its language, a part of a time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from longwatch.models.sayings import WORD, phrases, turned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SPECIAL = ("<pad>", "<eos>", "<user>", "<bot>")
OPENING = "<pad>"  # opens every stream: what attention rests on when it finds nothing
SPACE = "\u0120"  # how a byte-level vocabulary writes the space in front of a word
HOURS, MINUTES, SECONDS = 24, 60, 60
# The characters by which a byte-level vocabulary writes the 256 bytes, as GPT-2's does.
PLAIN = [*range(33, 127), *range(161, 173), *range(174, 256)]
ODD = [byte for byte in range(256) if byte not in PLAIN]
BYTES = {chr(b): b for b in PLAIN} | {chr(256 + i): b for i, b in enumerate(ODD)}
GAPS = frozenset({" ", "-", "'", "'-"})  # between the words of one name
CLOCK = re.compile(r"(?<![\w:.])(?:(\d{1,2})(?::|h ?))?(\d{1,3}):([0-5]\d)(?!\w|:\d)")
# "5 seconds in", "at 1 minute 5 seconds", "at minute 1 second 5"; "the last 5 seconds" is no time.
UNITS = (
    r"(?:(\d{1,2}) ?(?:hours?|h),? (?:and )?)?(?:(\d{1,3}) ?(?:minutes?|mins?|m),? (?:and )?)?"
    r"(\d{1,2}) ?(?:seconds?|secs?|s)\b"
)
SPOKEN = (
    re.compile(rf"(?<=\bat ){UNITS}(?: in\b)?"),
    re.compile(rf"\b{UNITS} in\b"),
    re.compile(
        r"\b(?:hour (\d{1,2}),? (?:and )?)?(?:minute (\d{1,3}),? (?:and )?)?second (\d{1,2})\b"
    ),
)
# The fruit: an orange that nothing follows which it could be the colour of.
FRUIT = re.compile(
    r"(?<=\b(?:the|any) )oranges?\b(?= *(?:$|[?.,!]|(?:and|appear|at|be|before|came|come|enter"
    r"|ever|first|here|in|is|last|leave|now|on|or|right|seen|show|still|there|visible|was)\b))"
)
ARTICLE = re.compile(r"\b(an|some) oranges?\b(?! (?:background|colou?r|fruit|one)\b)")
DIGIT = re.compile(r"\d")
SECOND = re.compile(r"\d ?s|second \d")
PRONOUN = re.compile(r"(?<![^\W_])i(?![^\W_])")


class BundledTokenizer:
    """Text to ids and back, by `tokenizer.json`, over text in the one form that was trained.

    Upper and lower case are the same. Other names of a thing (`aliases`), plurals, what else people
    say (`sayings`) and the ways to write a time become the one that the model knows: `aegis` is
    `breastplate`, `cats` is `cat`, `spotted` is `seen`, `0:00:05` is `00:05`. A word that it does
    not know becomes pieces, in the end bytes.
    """

    def __init__(self, folder: Path) -> None:
        """Read the five files of a model's `folder`.

        Raises:
            OSError, ValueError: one of them is missing or damaged.
        """
        self._tokenizer = _tokenizer(folder / "tokenizer.json")
        self.names: tuple[str, ...] = tuple(_json(folder / "names.json"))
        self.groups: dict[str, list[str]] = _json(folder / "groups.json")
        own = {name: name for name in (*self.groups, *self.names)}
        ids = self._tokenizer.get_vocab()
        words = {t[1:].replace(SPACE, " "): i for t, i in ids.items() if t.startswith(SPACE)}
        self.ids = words | {token: ids[token] for token in SPECIAL}
        self.classes = tuple(self.word(name) for name in self.names)
        self.things = {self.ids[name]: name for name in own if name in self.ids}
        self.hours = tuple(self.ids[f"{i}h"] for i in range(HOURS))
        self.minutes = tuple(self.ids[f"{i:02}:"] for i in range(MINUTES))
        self.seconds = tuple(ids[f"{i:02}"] for i in range(SECONDS))
        self._hours, self._and = frozenset(self.hours), self.ids["and"]
        names = _phrases(_json(folder / "aliases.json") | own)
        self._phrases = phrases(_json(folder / "sayings.json")) | names
        self._starts = _starts(self._phrases)
        self._after_hour = {
            self.minutes[i]: [ids[character] for character in f"{i:02}:"] for i in range(MINUTES)
        }

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def word(self, text: str) -> int:
        """Return the id of one word, or of one name, of the model's language.

        Raises:
            KeyError: it is not one token.
        """
        return self.ids[text]

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, which may be anything."""
        ids: list[int] = self._tokenizer.encode(self.canonical(text), add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return readable text; that of the first ids is always how that of all begins.

        A list that names one thing twice running names it once, so an "and" waits for what follows.
        """
        ids = [*self._joined(self._listed(ids))]
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text.removeprefix(" ")

    def spelling(self) -> list[bytes]:
        """Return the bytes of every token, in the order of their ids."""
        ids = self._tokenizer.get_vocab()
        return [bytes(map(BYTES.__getitem__, token)) for token in sorted(ids, key=ids.__getitem__)]

    def canonical(self, text: str) -> str:
        """Return `text` as the model was taught to read it."""
        text = plain(text)
        if DIGIT.search(text):
            text = _times(text)
        if "orange" in text:
            text = ARTICLE.sub(r"\1 orange fruit", FRUIT.sub("orange fruit", text))
        return turned("".join(self._named(text)))

    def _listed(self, ids: Sequence[int]) -> list[int]:
        """Return the ids without an "and" at their end, or between a thing and the same again."""
        listed: list[int] = []
        for i in ids:
            if i in self.things and listed[-2:] == [i, self._and]:
                listed.pop()
            else:
                listed.append(i)
        return listed[:-1] if listed[-1:] == [self._and] else listed

    def _joined(self, ids: Sequence[int]) -> Iterator[int]:
        """Yield the ids with no space between an hour and its minute."""
        before = -1
        for i in ids:
            if before in self._hours and i in self._after_hour:
                yield from self._after_hour[i]
            else:
                yield i
            before = i

    def _named(self, text: str) -> Iterator[str]:
        """Yield the pieces of `text`, every thing by its own name; the longest name wins."""
        spans = list(WORD.finditer(text))
        at = i = 0
        while i < len(spans):
            n, name = self._name_at(text, spans, i)
            if n:
                yield text[at : spans[i].start()]
                yield name
                at = spans[i + n - 1].end()
            i += n or 1
        yield text[at:]

    def _name_at(self, text: str, spans: list[re.Match[str]], i: int) -> tuple[int, str]:
        """Return how many words from the `i`th on are a name, and which; 0 if none."""
        most = min(self._starts.get(spans[i][0], 0), len(spans) - i)
        for n in range(most, 0, -1):
            gaps = (text[spans[k].end() : spans[k + 1].start()] for k in range(i, i + n - 1))
            if n == 1 or GAPS.issuperset(gaps):
                words = tuple(span[0] for span in spans[i : i + n])
                name = self._phrases.get(words)
                if name is not None:
                    return n, name
        return 0, ""


def plain(text: str) -> str:
    """Return `text` in lower case, but for the word I, with single spaces and straight quotes."""
    text = " ".join(text.replace("\u2019", "'").lower().split()).replace(" 's ", "'s ")
    return PRONOUN.sub("I", text)


def _times(text: str) -> str:
    """Return `text` with every time of day in it as 02:05, from one hour on as 1h02:05."""
    if SECOND.search(text):
        for pattern in SPOKEN:
            text = pattern.sub(_time, text)
    return CLOCK.sub(_time, text)


def _time(match: re.Match[str]) -> str:
    hour, minute, second = (int(part or 0) for part in match.groups())
    hour, minute = hour + minute // 60, minute % 60
    if second >= SECONDS:
        return match[0]
    return f"{hour}h{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except OSError:
        raise
    except Exception as problem:  # the library raises nothing more exact
        raise ValueError(f"{path.name} holds no tokenizer: {problem}") from problem
    tokenizer.encode_special_tokens = True  # what a user writes is never a control token
    return tokenizer


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _phrases(names: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Return the words of each name and of its plural, with the name that they stand for."""
    singular = {tuple(WORD.findall(other)): name for other, name in names.items()}
    plural = {
        (*words[:-1], last): name
        for words, name in singular.items()
        for last in _plurals(words[-1])
    }
    return plural | singular


def _plurals(word: str) -> Iterator[str]:
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        yield f"{word[:-1]}ies"
    if word.endswith(("f", "fe")):
        yield f"{word.removesuffix('e')[:-1]}ves"
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        yield f"{word}es"
    if len(word) > 1 and not word.endswith("s"):
        yield f"{word}s"


def _starts(phrases: Mapping[tuple[str, ...], str]) -> dict[str, int]:
    """Return the number of words of the longest name that begins with each word."""
    longest = dict[str, int]()
    for words in phrases:
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return longest
