"""The words of answers: times, places, numbers and lists, as the whole project writes them."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CANNOT_TELL = "I can't tell from the video."
NOTHING = "nothing"
NEVER = "never"
YES, NO = "yes", "no"
COUNTS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)
DOUBT = 0.03  # of the picture's side; nearer than this to a border, both places are right


def clock(seconds: float) -> str:
    """Return a time as answers write it: `02:05`, and `1h02:05` from one hour on."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return (f"{hours}h" if hours else "") + f"{minutes:02}:{whole % 60:02}"


def article(name: str) -> str:
    """Return `name` with "a" or "an" before it."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def count(number: int) -> str:
    """Return a number of things as a word, `none` to `ten`, and `more than ten` above."""
    return COUNTS[number] if number < len(COUNTS) else "more than ten"


def often(number: int) -> str:
    """Return how often something happened: `never`, `once`, `twice`, `three times`, ..."""
    return (NEVER, "once", "twice")[number] if number < 3 else f"{count(number)} times"


def places(at: tuple[float, float]) -> tuple[str, ...]:
    """Return the words for a place (x, y) in fractions of the picture; first the best one."""
    x, y = (_thirds(value) for value in at)
    return tuple(PLACES[row][column] for row in y for column in x)


def listed(words: Sequence[str]) -> tuple[str, ...]:
    """Return the ways to list `words`, first in the order given; `nothing` if there are none."""
    if not words:
        return (NOTHING,)
    return tuple(dict.fromkeys(" and ".join(order) for order in permutations(words)))


def described(things: Sequence[tuple[str, tuple[float, float]]], colour: str) -> tuple[str, ...]:
    """Return the descriptions of things at (x, y) on a background; first in the order given."""
    phrases = [[f"{name} {place}" for place in places(at)] for name, at in things]
    lists = dict.fromkeys(text for choice in product(*phrases) for text in listed(choice))
    return tuple(f"{text}, {colour} background" for text in lists)


def _thirds(value: float) -> tuple[int, ...]:
    """Return the third that a fraction lies in, and the next one if it is near to that."""
    best = min(2, max(0, int(3 * value)))
    near = [
        k for k in (best - 1, best + 1) if 0 <= k <= 2 and abs(value - max(k, best) / 3) < DOUBT
    ]
    return (best, *near)
