"""How people ask: a small grammar of wordings for each kind of question, some kept for tests.

In a template `(a|b|)` stands for one of its alternatives, `<x>` for the name of a thing, `<a>` for
the name with "a" or "an", and `<t>` for a time.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from longwatch.stream.answers import clock
from longwatch.stream.held_out import HELD_OUT

if TYPE_CHECKING:
    from random import Random

TRAIN: dict[str, tuple[str, ...]] = {
    "now": (
        "what (do you see|can you see|is visible|is shown|is there|is on screen|is in view)(| now)",
        "what (is|'s) (in the picture|in the video|in front of the camera)(| right now| now)",
        "(which thing|which things|what things|what) (can be seen|do you see)(| at the moment)",
        "(name|tell me|list) what (you see|is visible|is there)(| now| right now)",
        "what does the camera (see|show)(| right now)",
        "what am i (looking at|seeing)(| now)",
    ),
    "at": (
        "what (was|did you see|could you see|was visible|was there|was shown) at <t>",
        "what (was in the picture|was in the video|was on screen|was in view) at <t>",
        "at <t>(,|) what (was there|did you see|was visible|was shown|did the camera see)",
        "(which thing|what) (was there|could be seen|was seen|appeared) at (|time |the time )<t>",
        "(name|tell me|list) what (you saw|was visible|was there) at <t>",
        "<t>(,|:) what (was there|did you see)",
    ),
    "first": (
        "when did (you|the camera) (first see <a>|first see the <x>|see the <x> first)",
        "when (was|were) (the <x>|<a>|<x>) (first seen|first visible|first shown)",
        "when did (the <x>|<a>|<x>) (first appear|appear first|first come|come in|show up first)",
        "at (what|which) time (did you first see|did the camera first see) (<a>|the <x>)",
        "(time|moment) of the first <x>",
        "what (is|was) the first time (that |)(you saw|there was) <a>",
    ),
    "last": (
        "when did (you|the camera) (last see <a>|last see the <x>|see <a> last|see the <x> last)",
        "when (was|were) (the <x>|<a>|<x>) (last seen|last visible|last shown|last there)",
        "when did (the <x>|<a>|<x>) (last appear|appear last|show up last)",
        "at (what|which) time (did you last see|did the camera last see) (<a>|the <x>)",
        "(time|moment) (of the last|when you last saw the|when you last saw a) <x>",
        "what (is|was) the last time (you saw|there was) <a>",
    ),
    "was_there": (
        "(was there|has there been) (<a>|any <x>)(| so far| up to now| in the video so far)",
        "(did you see|have you seen|have you ever seen) (<a>|any <x>|the <x>)(| so far| yet)",
        "did (<a>|the <x>|any <x>) (appear|show up|come by)(| so far| yet)",
        "has (<a>|the <x>) (appeared|been seen|been visible|been shown)(| so far| at any time)",
        "any <x> (so far|yet|up to now)",
        "(was there|have you seen) <a> at (any time|some point|any point)",
    ),
    "is_there": (
        "(is there|do you see|can you see) (<a>|any <x>)(| now| right now| at the moment)",
        "is (the <x>|<a>) (there|visible|in view|on screen|in the picture)(| now| right now)",
        "(is there|do you see) <a> (in the picture|on the camera|on screen)(| now| right now)",
        "does the camera (see|show) (<a>|the <x>)(| now| right now)",
        "(<a>|any <x>) (now|right now|there now|on screen now)",
        "(can|do) you see the <x>(| now| right now)",
    ),
    "where": (
        "where (is|do you see|can you see) (the <x>|<a>)(| now| right now)",
        "where (in the picture|on the screen|in the video) is (the <x>|<a>)(| now)",
        "(in|on) which (part|side|corner) of the (picture|screen) is the <x>",
        "(what is|tell me) the (place|position|location) of the <x>(| now)",
        "(which|what) (place|position) is the <x> (in|at)",
        "where's the <x>(| now| right now)",
    ),
    "how_many": (
        "how many (different |)(things|objects) (have you seen|did you see|were there)(| so far)",
        "how many (different |)(things|objects) (have appeared|appeared|came)(| so far| in all)",
        "how many (different |)(things|objects) (were seen|have been seen|were shown)(| up to now)",
        "(what is|tell me) the number of (different |)things (seen|shown)(| so far)",
        "number of different (things|objects)(| so far)",
        "count the different (things|objects)(| you have seen| so far)",
    ),
    "how_often": (
        "how (often|many times) (did you see|have you seen) (<a>|the <x>)(| so far)",
        "how (often|many times) did (<a>|the <x>) (appear|come|show up)(| so far)",
        "how (often|many times) was (<a>|the <x>) (seen|there|visible|shown)(| so far)",
        "how (often|many times) was there <a>(| so far)",
        "(count|tell me) how (often|many times) the <x> (came|appeared)",
        "(number|count) of times (you saw <a>|the <x> appeared)",
    ),
    "after": (
        "what (came|appeared|showed up|did you see|was there|was seen) (next |)after the <x>",
        "what (was|is) the (next thing|thing) (after|that came after|you saw after) the <x>",
        "(which thing|what) (followed|came right after|came in after) (the <x>|<x>|<a>)",
        "after the <x>(,|) what (came|appeared|was next|did you see|was there)(| next)",
        "(name|tell me) what (came|appeared) after the <x>",
        "what was next after the <x>",
    ),
    "before": (
        "what (came|appeared|showed up|did you see|was there|was seen) (just |)before the <x>",
        "what (was|is) the (thing|last thing) (before|that came before|you saw before) the <x>",
        "(which thing|what) (preceded|came right before|came in before) (the <x>|<x>|<a>)",
        "before the <x>(,|) what (came|appeared|did you see|was there)",
        "(name|tell me) what (came|appeared) before the <x>",
        "what was there just before the <x> (came|appeared)",
    ),
    "background": (
        "what colo(ur|r) is the background(| now| right now| at the moment)",
        "(what is|what's|tell me) the (background colour|colour of the background)(| now)",
        "(which|what) colour (is|has) the background(| now)",
        "(background colour|colour of the background)(| now| right now)",
        "what colour is (behind it|behind everything|it in the background)(| now)",
        "(what|which) colour do you see (behind|in the background)(| now)",
    ),
    "background_at": (
        "(what|which) colour (was the background|did the background have) at <t>",
        "(what was|tell me) the (background colour|colour of the background) at <t>",
        "at <t>(,|) what (colour was the background|was the background colour)",
        "(background colour|background|colour of the background) at <t>",
    ),
    "describe": (
        "describe (the picture|the scene|the video|what you see|the view)(| now| right now)",
        "(give me|write) a (short |)description (of the scene|of the picture)(| now)",
        "(can you|please) describe (this|it|everything)(| now)",
        "what is (going on|happening)(| now| right now| on screen)",
        "(tell me|say) (everything you see|what is where)(| now)",
        "what does (the scene|the picture) look like(| now)",
    ),
    "describe_at": (
        "describe (the picture|the scene|the video|what you saw|the view) at <t>",
        "(give me|write) a (short |)description of the (scene|picture) at <t>",
        "what was (going on|happening) at <t>",
        "at <t>(,|) (what was going on|what was happening|what did the scene look like)",
    ),
}

WORDINGS = {"train": TRAIN, "test": HELD_OUT}
OPENINGS = {
    "train": ("please tell me, ", "hey, ", "one question: ", "can you tell me, ", "so ", "ok, "),
    "test": ("um, ", "say, ", "could you say, "),
}
CLOSINGS = {"train": ("?", "?", "?", "", "", "", ".", " ?", " please"), "test": ("?", "", "??")}


@cache
def _parts(template: str) -> tuple[tuple[str, ...], ...]:
    pieces = re.split(r"\(([^()]*)\)", template)
    return tuple(
        tuple(piece.split("|")) if k % 2 else (piece,) for k, piece in enumerate(pieces) if piece
    )


def article(name: str) -> str:
    """Return `name` with "a" or "an" before it."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def spoken(seconds: float, rng: Random) -> str:
    """Return a time as a user may write it."""
    whole, way = int(seconds), int(8 * rng.random())
    hours, minutes, second = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        ways = (f"{hours}:{minutes:02}:{second:02}", f"{hours:02}:{minutes:02}:{second:02}")
        return clock(seconds) if way > 1 else ways[way]
    if way == 0:
        return f"0:{minutes:02}:{second:02}"
    if way == 1:
        return f"{minutes}:{second:02}"
    if way == 2:
        return f"minute {minutes} second {second}" if minutes else f"second {second}"
    return clock(seconds)


def say(template: str, rng: Random, thing: str = "", time: str = "") -> str:
    """Return one wording of a template about a thing and a time."""
    text = "".join(options[int(rng.random() * len(options))] for options in _parts(template))
    return text.replace("<x>", thing).replace("<a>", article(thing)).replace("<t>", time)


def finish(text: str, rng: Random, wordings: str) -> str:
    """Return a question with the openings, closings and capitals that users may give it."""
    if rng.random() < 0.12:
        openings = OPENINGS[wordings]
        text = openings[int(rng.random() * len(openings))] + text
    closings = CLOSINGS[wordings]
    text += closings[int(rng.random() * len(closings))]
    case = rng.random()
    if case < 0.03:
        return text.upper()
    return text if case < 0.4 else text[:1].upper() + text[1:]


def wording(kind: str, rng: Random, wordings: str, thing: str = "", time: str = "") -> str:
    """Return a question of a kind about a thing and a time (as `spoken` writes it)."""
    templates = WORDINGS[wordings][kind]
    return finish(
        say(templates[int(rng.random() * len(templates))], rng, thing, time), rng, wordings
    )
