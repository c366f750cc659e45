"""Times that a question names in words: a range to recall from, and "ago" as a stream time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from longwatch.models.huggingface import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.models.base import Turn

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}  # by a unit's first letter
UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)(?![a-z])"
ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
# Vague numbers are rather too large than too small.
SEVERAL = {"a couple of": 2.0, "couple of": 2.0, "a few": 5.0, "few": 5.0, "several": 10.0}
FRACTIONS = {
    "a quarter of an": 0.25,
    "half": 0.5,
    "half a": 0.5,
    "half an": 0.5,
    "a": 1.0,
    "an": 1.0,
}
TENS = {"twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0}
NUMBERS = {word: i + 1.0 for i, word in enumerate(ONES.split())} | TENS | FRACTIONS | SEVERAL
_WORDS = "|".join(sorted(map(re.escape, NUMBERS), key=len, reverse=True))
_TENS = r"(?:twenty|thirty|forty|fifty)[- ](?:one|two|three|four|five|six|seven|eight|nine)\b"
NUMBER = rf"(?:\d+(?:\.\d+)?|\b{_TENS}|\b(?:{_WORDS})\b)"
AMOUNT = rf"{NUMBER}[- ]?{UNIT}"
DURATION = rf"{AMOUNT}(?:(?:,| and|, and)? {NUMBER} ?{UNIT})*(?: and a half\b)?"
_PART = re.compile(rf"({NUMBER})[- ]?({UNIT})")


def parse_duration(text: str) -> float:
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


MARGIN = 2.0  # seconds on either side of a single moment
OPENING = 60.0  # seconds that are the beginning of a stream
VAGUE = 0.1  # of a time in round figures, such as "ten minutes ago"
DAY_PARTS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (18, 24)}  # hours
WHOLE = r"(?:second|minute|hour)(?: and a half)?"
STREAM = r"(?:video|stream|recording|film)"

LAST = re.compile(
    rf"\b(?:last|past|previous) (?P<some>{DURATION})"
    rf"|\b(?:in|during|over|within|for) the (?:last|past|previous) (?P<one>{WHOLE})\b"
)
FIRST = re.compile(
    rf"\b(?:first|initial|opening) (?P<some>{DURATION})"
    rf"|\b(?:in|during|within) the (?:first|opening) (?P<one>{WHOLE})\b"
)
BEGINNING = re.compile(
    rf"\b(?:at|in|to) the (?:very )?(?:beginning|start|outset)\b"
    rf"(?! of (?!(?:the|this|your) {STREAM}))"
    r"|\bfirst (?:thing|object|item|sight)\b|\bbefore (?:all|any|every)(?:thing)? else\b"
    rf"|\b(?:begin|began|start|started|opened) (?:with\b|(?:the|this|your) {STREAM})"
    r"|\bwith (?:what|which)\b.* (?:begin|start)\b"
    r"|\b(?:what|which)(?: (?!time\b|minute\b|moment\b)\w+)+ first(?: of all)?(?= ?(?:[?.!,]|$))"
)
OTHERWISE = re.compile(r"\b(?:after|since|until|till|again|next|when)\b")
DATE = re.compile(
    r"\b(?:(?:(yesterday)|this|in the) (morning|afternoon|evening)|(today|yesterday|tonight)"
    r"|(last night))\b"
)
CLOCK = re.compile(
    r"(?<![\w:.])(?:(\d{1,2})(?::|h ?))?(\d{1,3}):([0-5]\d)(\.\d+)?(?: ?([ap])\.?m\b\.?|(?!\w|:\d))"
)
HOUR = re.compile(r"(?<![\w:.])(1[0-2]|0?[1-9]) ?([ap])\.?m\b\.?|\b(noon|midnight)\b")
SPELT = re.compile(
    r"\b(?:hour (\d{1,2}),? (?:and )?)?(?:minute (\d{1,3}),? (?:and )?)?second (\d{1,2})\b"
)
MINUTE = re.compile(r"\bminute (\d{1,4})\b")
AGO = re.compile(rf"({DURATION}) ago\b")
PAIR = re.compile(rf"\b(?:between|from) ({AMOUNT}) (?:and|to|until|till) ({AMOUNT})")
ELAPSED = re.compile(
    rf"(?:(?<=\bat )|(?<=\bbefore )|(?<=\bafter )|(?<=\bsince )|(?<=\buntil )|(?<=\bfrom ))"
    rf"(?!an? )({DURATION})(?! (?:before|after|later|of))(?: in\b)?"
)
INTO = re.compile(rf"({DURATION}) in(?:to\b|(?= the {STREAM}\b)|(?= ?(?:[?,.!]|$)))")

T = r"<(\d+)>"  # a time that was found, by its number
BOTH = re.compile(rf"\b(?:between|from) {T} (?:and|to|until|till|through) {T}|{T} ?(?:-|to) ?{T}")
BEFORE = re.compile(rf"\b(?:before|earlier than|more than) {T}")
UNTIL = re.compile(rf"\b(?:until|till|up to|by|between [^<>]+ and) {T}")
SINCE = re.compile(rf"\b(?:since|after|later than|less than|from|between|starting at) {T}")
# Beside a moment these words ask for what was at another one.
ORDER = re.compile(
    r"\b(?:before|after|next|then(?! at\b)|first|last|ever|again|earlier|later|until|till"
    r"|since|previous|previously|already|so far)\b"
)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of a stream's clock, in seconds; `near` where a single moment is meant."""

    since: float
    until: float
    near: float | None = field(default=None, compare=False)


class StreamNow(NamedTuple):
    """How late it is: on the stream's clock, and in the world where that is known."""

    now: float  # seconds, of the newest frame
    wall: datetime | None = None  # when that was

    def at(self, when: datetime) -> float:
        """Return the stream's time, in seconds, of a moment of the world."""
        return self.now if self.wall is None else self.now + (when - self.wall).total_seconds()


def parse_time_range(text: str, clock: StreamNow) -> TimeRange | None:
    """Return the stretch of the stream that a question is limited to by its words, if any.

    Times such as 0:42 are those since the stream's start, as answers give them; where that has
    not come yet, and the time of day is known, 12:05 is a time of day. Times of day and days mean
    nothing where it is not known. Several moments make a stretch from the first to the last. What
    a question says by events ("before the dog", "so far", "ever") limits nothing, and a moment
    limits nothing in a question that also asks what was before or after. "The first thing" of all
    is looked for in the first minute.
    """
    text = " ".join(text.lower().split())
    day = _day(text, clock)
    span = _relative(text, clock.now) or _absolute(text, clock, day) or day or _beginning(text)
    if span is None:
        return None
    since, until = sorted((max(0.0, span.since), max(0.0, span.until)))
    return TimeRange(since, max(since, min(until, clock.now)), span.near)


def _relative(text: str, now: float) -> TimeRange | None:
    """Read "in the last five minutes" and "in the first minute"."""
    if match := LAST.search(text):
        return TimeRange(now - _length(match), now)
    if match := FIRST.search(text):
        return TimeRange(0.0, _length(match))
    return None


def _beginning(text: str) -> TimeRange | None:
    """Read "at the beginning" and "the first thing", unless it is that after something else."""
    if BEGINNING.search(text) and not OTHERWISE.search(text):
        return TimeRange(0.0, OPENING)
    return None


def _length(match: re.Match[str]) -> float:
    return parse_duration(match["some"] or f"a {match['one']}")


def _day(text: str, clock: StreamNow) -> TimeRange | None:
    """Read "this morning" and "yesterday", where the time of day is known."""
    match = DATE.search(text)
    if match is None or clock.wall is None:
        return None
    before, part, word, night = match.groups()
    start = clock.wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if "yesterday" in (before, word):
        start -= timedelta(days=1)
    if night:
        first, last = -6, 6
    else:
        first, last = DAY_PARTS.get("evening" if word == "tonight" else part, (0, 24))
    return TimeRange(
        clock.at(start + timedelta(hours=first)), clock.at(start + timedelta(hours=last))
    )


def _absolute(text: str, clock: StreamNow, day: TimeRange | None) -> TimeRange | None:
    """Read times, and how the question stands to them."""
    found: list[TimeRange] = []

    def replace(pattern: re.Pattern[str], read: Callable[[re.Match[str]], list[TimeRange]]) -> str:
        def mark(match: re.Match[str]) -> str:
            spans = read(match)
            found.extend(spans)
            marks = [f"<{len(found) - len(spans) + i}>" for i in range(len(spans))]
            return f"between {marks[0]} and {marks[1]}" if len(marks) == 2 else "".join(marks)

        return pattern.sub(lambda match: mark(match) or match[0], text)

    text = text.replace("<", " ")
    text = replace(AGO, lambda match: [_vague(clock.now - (d := parse_duration(match[1])), d)])
    text = replace(CLOCK, lambda match: _clock(match, clock, day))
    text = replace(HOUR, lambda match: _hour(match, clock, day))
    text = replace(SPELT, lambda match: [_second(*match.groups())])
    text = replace(PAIR, lambda match: [_elapsed(match[1]), _elapsed(match[2])])
    for pattern in (ELAPSED, INTO):
        text = replace(pattern, lambda match: [_elapsed(match[1])])
    text = replace(
        MINUTE, lambda match: [TimeRange(60.0 * int(match[1]), 60.0 * int(match[1]) + 60)]
    )
    return _related(text, found, clock.now) if found else None


def _related(text: str, found: list[TimeRange], now: float) -> TimeRange | None:
    """Return what a question is limited to, where <0>, <1>, ... stand for the times found."""
    if match := BOTH.search(text):
        first, last = (found[int(i)] for i in match.groups() if i is not None)
        return TimeRange(first.since, last.until)
    before, until, since = BEFORE.search(text), UNTIL.search(text), SINCE.search(text)
    if before or until or since:
        start = found[int(since[1])].since if since else 0.0
        if before:
            time = found[int(before[1])]
            return TimeRange(start, time.since if time.near is None else time.near)
        return TimeRange(start, found[int(until[1])].until if until else now)
    if ORDER.search(text):
        return None
    near = found[0].near if len(found) == 1 else None
    return TimeRange(
        min(span.since for span in found) - MARGIN, max(span.until for span in found) + MARGIN, near
    )


def _vague(time: float, length: float) -> TimeRange:
    """Return a moment that is said in round figures, `length` seconds from somewhere."""
    return TimeRange(time - VAGUE * length, time + VAGUE * length, time)


def _elapsed(text: str) -> TimeRange:
    """Return the moment that is a duration from the stream's start."""
    time = parse_duration(text)
    exact = re.search(r"\d ?s|second", text) is not None
    return TimeRange(time, time + 1, time) if exact else _vague(time, time)


def _second(hours: str | None, minutes: str | None, second: str) -> TimeRange:
    time = 3600.0 * int(hours or 0) + 60.0 * int(minutes or 0) + int(second)
    return TimeRange(time, time + 1, time)


def _clock(match: re.Match[str], clock: StreamNow, day: TimeRange | None) -> list[TimeRange]:
    """Read 0:42, 1:02:05 or 12:05 pm; nothing where it is a time of day that is not known."""
    hours, minutes, second, rest, half = match.groups()
    time = 3600.0 * int(hours or 0) + 60.0 * int(minutes) + int(second)
    if half or day or time > clock.now:
        parts = (hours, minutes, second) if hours else (minutes, second, "0")
        length = 1.0 if hours else 60.0
        of_day = _of_day((int(parts[0]), int(parts[1]), int(parts[2])), half, clock, day)
        if of_day is not None and (half or day or of_day + length > 0):
            return [TimeRange(of_day, of_day + length, of_day)]
    if half:
        return []
    if rest:
        return [TimeRange(time + float(rest), time + float(rest), time + float(rest))]
    return [TimeRange(time, time + 1, time)]


def _hour(match: re.Match[str], clock: StreamNow, day: TimeRange | None) -> list[TimeRange]:
    """Read 3 pm and noon; nothing where the time of day is not known."""
    hours, half, word = match.groups()
    hour = {"noon": 12, "midnight": 0}[word] if word else int(hours)
    time = _of_day((hour, 0, 0), half, clock, day)
    return [] if time is None else [TimeRange(time, time + 60, time)]


def _of_day(
    time: tuple[int, int, int], half: str | None, clock: StreamNow, day: TimeRange | None
) -> float | None:
    """Return the stream's time, in seconds, of the latest such time of day, or of that of `day`."""
    hour, minute, second = time
    if half:
        hour = hour % 12 + 12 * (half == "p") if 1 <= hour <= 12 else 24
    if clock.wall is None or hour > 23 or minute > 59:
        return None
    base = clock.wall if day is None else clock.wall + timedelta(seconds=day.since - clock.now)
    found = clock.at(base.replace(hour=hour, minute=minute, second=second, microsecond=0))
    return found - 86400 if day is None and found > clock.now else found


AGO_PHRASE = re.compile(
    rf"(?P<more>\b(?:more|less|longer) than )?"
    rf"(?P<at>\b(?:at|from|since|until|till|before|after|by|around|about|to|and|between) )?"
    rf"(?:(?:about|around|roughly|some|maybe|exactly|just|only) )?"
    rf"(?P<span>{DURATION}) ago\b",
    re.IGNORECASE,
)
APPROXIMATE = {"around", "about"}  # which say nothing of a time that is told to the second


def resolve_relative_times(turns: Sequence[Turn], now: float | None) -> list[Turn]:
    """Return a dialogue whose question tells times of the stream instead of "... ago".

    `now` is the time, in seconds, of the newest frame that is asked about. A moment before the
    stream began, and what is said by comparison ("more than a minute ago"), stay as they are, and
    so do the turns before the last one: they were put when it was earlier.
    """
    if now is None or not turns:
        return list(turns)
    *before, last = turns
    return [*before, last._replace(text=replace_ago(last.text, now))]


def replace_ago(text: str, now: float) -> str:
    """Return `text` with every "... ago" as the stream's time, to the second."""

    def at(match: re.Match[str]) -> str:
        time = round(now - parse_duration(match["span"].lower()))
        if match["more"] or time < 0:
            return match[0]
        word = (match["at"] or "at ").strip()
        return f"{'at' if word.lower() in APPROXIMATE else word} {clock(time)}"

    return AGO_PHRASE.sub(at, text)
