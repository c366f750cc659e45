"""Seeded streams of the question world, ready to be read, with what may be asked at their end."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training.questions import KINDS, Truth
from training.simulated import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longwatch.models.bundled_model import BundledVLM
    from longwatch.types import VisualTokens
    from training.questions import Question

SEEDS = 1 << 51  # training draws its worlds below 2 ** 40, and its evaluation from 2 ** 50 on
PIXELS = 256  # frames; longer streams are made of simulated tokens
BATCH = 8  # frames that the tower reads together
TRIES = 4  # draws for each question that is wanted


class Episode(NamedTuple):
    """One stream, a frame a second."""

    number: int
    source: str  # where its tokens come from: `pixels`, or `simulated`
    times: list[float]  # seconds
    tokens: list[VisualTokens]
    questions: list[Question]


def episodes(
    model: BundledVLM, frames: int, count: int, each: int, seed: int = 0
) -> Iterator[Episode]:
    """Yield `count` streams of so many frames, with up to `each` questions of every kind.

    Frames are drawn with the pictograms of the package and go through the tower; from PIXELS
    frames on their tokens are what training makes up, `training.simulate`, out of all names.
    """
    for number in range(count):
        world_seed = SEEDS + (seed << 24) + (frames << 10) + number
        times = [float(t) for t in range(frames)]
        if frames <= PIXELS:
            scene = SyntheticSource(world_seed)
            world, tokens, source = scene.world, look(model, scene, times), "pixels"
        else:
            (world, tokens), source = encode(model, world_seed, times), "simulated"
        truth = Truth(world, times, groups=model.tokenizer.groups)
        rng = Random(f"quality {world_seed}")
        asked = [q for kind in KINDS for q in draw(truth, kind, each, rng)]
        yield Episode(number, source, times, tokens, asked)


def look(model: BundledVLM, scene: SyntheticSource, times: Sequence[float]) -> list[VisualTokens]:
    """Return the tokens of a scene's frames, through the pixels."""
    found: list[VisualTokens] = []
    for start in range(0, len(times), BATCH):
        some = times[start : start + BATCH]
        found += model.encode([Frame(scene.draw(t), t, 0) for t in some])
    return found


def draw(truth: Truth, kind: str, each: int, rng: Random) -> list[Question]:
    """Return `each` questions of a kind, asked at the end; fewer where few are clear."""
    last = len(truth.times) - 1
    tries = (truth.ask(kind, last, rng) for _ in range(TRIES * each))
    return [question for question in tries if question is not None][:each]
