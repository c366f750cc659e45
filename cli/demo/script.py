"""What the demo shows, what it asks, and what is true."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).with_name("media")
SECONDS = 6.0  # that each picture is shown
VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph, and what the bundled model should say of it."""

    path: Path
    name: str  # of the thing, in the model's words
    place: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the demo, and the truth at that moment."""

    at: float  # seconds on the stream's clock
    text: str
    truth: str

    def right(self, answer: str) -> bool:
        """Tell whether `answer` says the truth and nothing else; `bottom right` is right, too."""
        said, true = answer.lower().strip(" .").split(), self.truth.split()
        return "and" not in said and said[-len(true) :] == true


def load_pictures() -> list[Picture]:
    """Return the photographs in the order in which they are shown.

    Raises:
        ConfigError: they are not there.
    """
    try:
        listed = json.loads((FOLDER / "truth.json").read_text())
        return [Picture(FOLDER / one["file"], one["name"], one["place"]) for one in listed]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"the demo's pictures are missing ({error}); install longwatch anew"
        ) from None


def make_questions(pictures: Sequence[Picture]) -> list[Asked]:
    """Return the questions in the order of their times; they need at least five pictures."""
    first, second, third, fourth, fifth = pictures[:5]
    start = [n * SECONDS for n in range(5)]
    return [
        Asked(start[0] + 4.0, "what do you see?", first.name),
        Asked(start[0] + 4.5, "how many different things have you seen?", "one"),
        Asked(start[1] + 3.0, "what do you see now?", second.name),
        Asked(start[1] + 3.5, f"where is the {second.name}?", second.place),
        Asked(start[1] + 4.0, f"was there {_a(first.name)}?", "yes"),
        Asked(start[2] + 3.0, f"is there {_a(third.name)}?", "yes"),
        Asked(start[2] + 3.5, f"where is the {third.name}?", third.place),
        Asked(start[3] + 3.0, "what do you see now?", fourth.name),
        Asked(start[3] + 4.0, f"is there {_a(fifth.name)}?", "no"),
        Asked(start[4] + 3.0, "what do you see now?", fifth.name),
        Asked(start[4] + 3.5, f"was there {_a(third.name)}?", "yes"),
        Asked(start[4] + 4.0, "was there a goldfish?", "no"),
    ]


def _a(name: str) -> str:
    """Return `name` with its article."""
    return f"{'an' if name[0] in VOWELS else 'a'} {name}"
