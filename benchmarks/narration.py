"""Streams of frames as text, for decoders without a vision tower, and questions about them.

A frame is one line: its time, a thing, the place of the thing, and in redundant streams a detail.
In a *dense* stream every line tells of another thing. A *redundant* stream has scenes of 5 to 30
frames that say the same, but for a detail that changes once inside the scene, as video has.

A question is the beginning of a line that the stream has, and its answer is how the line goes on,
told apart from what other lines of the same stream say there. These forms are the ones that
SmolLM2-135M answers best with everything in its context; questions about times are at chance even
then, so there are none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["dense", "redundant"]
KINDS: tuple[Kind, ...] = get_args(Kind)

COLOURS = """
    red blue green black white yellow brown grey pink orange purple silver golden dark striped
    wooden
"""
OBJECTS = """
    bicycle chair bag box car dog cat bird bottle cup lamp ball book hat shoe coat ladder bucket
    basket table bench cart truck bus boat horse cow sheep tent flag drum guitar piano clock
    mirror vase plate bowl knife fork spoon kettle pan stove sofa pillow blanket towel rug broom
    brush rope chain key lock wallet watch ring phone camera laptop radio television printer
    tractor trailer scooter helmet kite doll robot puzzle candle lantern barrel crate shovel
    rake hammer saw drill wrench
"""
PLACES = """
    door gate wall window fence tree bridge river lake road path garden kitchen bedroom bathroom
    garage office library church school shop market station hotel tower castle farm barn field
    forest hill beach harbour park fountain statue staircase corridor balcony roof chimney
    cellar shelf desk counter cabinet fireplace sink fridge oven mailbox hydrant
"""
OPENING = "Notes of a camera.\n"
SCENE = 5, 30  # frames
CHOICES = 8  # candidates of a question
FORMS = ("{thing} at the {place}", "{thing}, {place}")  # streams take turns
SAID = "As noted above, "


class Scene(NamedTuple):
    """What some neighbouring frames show."""

    thing: str
    place: str
    details: tuple[str, str] | None  # before and after the change; None in dense streams
    frames: range
    change: int  # the first frame with the second detail


class Question(NamedTuple):
    """The beginning of a line, and how it may go on."""

    prompt: str
    neutral: str  # the same about nothing in the stream: what candidates are worth by themselves
    candidates: tuple[int, ...]  # among `Narration.answers` of its kind; the first is right
    kind: Literal["place", "detail"]
    frames: range  # that prove the answer


@dataclass(frozen=True)
class Narration:
    """A stream, line by line, and what is asked about it."""

    kind: Kind
    lines: tuple[str, ...]
    answers: dict[str, tuple[str, ...]]  # by kind of question: all that are candidates
    questions: tuple[Question, ...]


def clock(seconds: int) -> str:
    """Return a time as [mm:ss], or [hh:mm:ss] from one hour on."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{seconds:02d}"
    return f"[{hours:02d}:{text}]" if hours else f"[{text}]"


def narration(kind: Kind, frames: int, seed: int, questions: int = 10) -> Narration:
    """Return the stream with this seed: so many frames, a second apart.

    It has fewer questions where it has fewer scenes; of a redundant stream every second one is
    about a detail.
    """
    rng = random.Random(f"{kind} {frames} {seed}")
    form = FORMS[seed % len(FORMS)]
    scenes = _scenes(rng, kind, frames)
    lines = []
    for scene in scenes:
        for frame in scene.frames:
            told = form.format(thing=scene.thing, place=scene.place)
            if scene.details is not None:
                told += f", {scene.details[frame >= scene.change]}"
            lines.append(f"{clock(frame)} {told}.\n")
    asked = rng.sample(scenes, min(questions, len(scenes)))
    return Narration(kind, tuple(lines), *_questions(rng, form, asked))


def _scenes(rng: random.Random, kind: Kind, frames: int) -> list[Scene]:
    pairs = [f"{colour} {thing}" for colour in COLOURS.split() for thing in OBJECTS.split()]
    places = [f"{colour} {place}" for colour in COLOURS.split() for place in PLACES.split()]
    rng.shuffle(pairs)
    rng.shuffle(places)
    scenes: list[Scene] = []
    start = 0
    while start < frames:
        length = 1 if kind == "dense" else rng.randint(*_scene(frames))
        here = range(start, min(frames, start + length))
        details, change = None, here.stop
        thing, place = pairs.pop(), places[len(scenes) % len(places)]
        if kind == "redundant":
            details, change = (pairs.pop(), pairs.pop()), rng.randint(start + 1, here.stop)
        scenes.append(Scene(thing, place, details, here, change))
        start = here.stop
    return scenes


def _scene(frames: int) -> tuple[int, int]:
    """Return the least and most frames of a scene: shorter where there would be too few to ask."""
    most = max(2, frames // CHOICES)
    return min(SCENE[0], max(1, most // 2)), min(SCENE[1], most)


def _questions(
    rng: random.Random, form: str, scenes: Sequence[Scene]
) -> tuple[dict[str, tuple[str, ...]], tuple[Question, ...]]:
    """Return the candidates by kind of question, and a question about each scene."""
    answers: dict[str, list[str]] = {"place": [], "detail": []}
    beginning, _, _ = form.partition("{place}")
    made = []
    for number, scene in enumerate(scenes):
        answers["place"].append(f" {scene.place}")
        prompt = SAID + beginning.format(thing=scene.thing).rstrip()
        neutral = SAID + beginning.format(thing="other thing").rstrip()
        kind: Literal["place", "detail"] = "place"
        frames = scene.frames
        if scene.details is not None:
            later = scene.change < scene.frames.stop and rng.random() < 0.5
            answers["detail"].append(f" {scene.details[later]}")
            if number % 2:
                kind = "detail"
                prompt += f" {scene.place},"
                neutral += " other place,"
                frames = (
                    range(scene.change, frames.stop) if later else range(frames.start, scene.change)
                )
        others = rng.sample([i for i in range(len(scenes)) if i != number], len(scenes) - 1)
        made.append(Question(prompt, neutral, (number, *others[: CHOICES - 1]), kind, frames))
    return {kind: tuple(found) for kind, found in answers.items()}, tuple(made)
