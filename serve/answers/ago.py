"""Moments told from now on, such as "ten seconds ago", as times of the stream.

A model knows the times of its frames and not how late it is; who asks knows neither.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from longwatch.models.huggingface import clock
from longwatch.serve.answers.durations import DURATION, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.base import Turn

AGO = re.compile(
    rf"(?P<more>\b(?:more|less|longer) than )?"
    rf"(?P<at>\b(?:at|from|since|until|till|before|after|by|around|about|to|and|between) )?"
    rf"(?:(?:about|around|roughly|some|maybe|exactly|just|only) )?"
    rf"(?P<span>{DURATION}) ago\b",
    re.IGNORECASE,
)
VAGUE = {"around", "about"}  # which say nothing of a time that is told to the second


def dated(turns: Sequence[Turn], now: float | None) -> list[Turn]:
    """Return a dialogue whose question tells times of the stream instead of "... ago".

    `now` is the time, in seconds, of the newest frame that is asked about. A moment before the
    stream began, and what is said by comparison ("more than a minute ago"), stay as they are, and
    so do the turns before the last one: they were put when it was earlier.
    """
    if now is None or not turns:
        return list(turns)
    *before, last = turns
    return [*before, last._replace(text=told(last.text, now))]


def told(text: str, now: float) -> str:
    """Return `text` with every "... ago" as the stream's time, to the second."""

    def at(match: re.Match[str]) -> str:
        time = round(now - seconds(match["span"].lower()))
        if match["more"] or time < 0:
            return match[0]
        word = (match["at"] or "at ").strip()
        return f"{'at' if word.lower() in VAGUE else word} {clock(time)}"

    return AGO.sub(at, text)
