"""Spans of time said in words or figures: "five minutes", "1 min 30 s", "half an hour"."""

from __future__ import annotations

import re

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # by a unit's first letter
UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)(?![a-z])"
ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
# Vague numbers are rather too large than too small.
SEVERAL = {"a couple of": 2.0, "couple of": 2.0, "a few": 5.0, "few": 5.0, "several": 10.0}
PARTS = {"a quarter of an": 0.25, "half": 0.5, "half a": 0.5, "half an": 0.5, "a": 1.0, "an": 1.0}
TENS = {"twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0}
NUMBERS = {word: i + 1.0 for i, word in enumerate(ONES.split())} | TENS | PARTS | SEVERAL
_WORDS = "|".join(sorted(map(re.escape, NUMBERS), key=len, reverse=True))
_TENS = r"(?:twenty|thirty|forty|fifty)[- ](?:one|two|three|four|five|six|seven|eight|nine)\b"
NUMBER = rf"(?:\d+(?:\.\d+)?|\b{_TENS}|\b(?:{_WORDS})\b)"
AMOUNT = rf"{NUMBER}[- ]?{UNIT}"
DURATION = rf"{AMOUNT}(?:(?:,| and|, and)? {NUMBER} ?{UNIT})*(?: and a half\b)?"
_PART = re.compile(rf"({NUMBER})[- ]?({UNIT})")


def seconds(text: str) -> float:
    """Return the seconds that `text`, in lower case, stands for; `DURATION` matches it."""
    parts = _PART.findall(text)
    total = sum(_number(amount) * SECONDS[unit[0]] for amount, unit in parts)
    if text.endswith("and a half"):
        total += SECONDS[parts[-1][1][0]] / 2
    return total


def _number(text: str) -> float:
    if text[0].isdigit():
        return float(text)
    if text in NUMBERS:
        return NUMBERS[text]
    return sum(NUMBERS[word] for word in re.split("[- ]", text))
