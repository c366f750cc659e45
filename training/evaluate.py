"""What the bundled model answers about worlds that it was never trained on.

python -m training.evaluate --json -

Frames are drawn with pictograms of a style, read through the pixels into a memory that keeps
everything, and asked about at the end of the stream. "simulated" reads the tokens that training
made up instead, without any picture, so that the errors of vision and of memory are told apart;
"blind" asks about one stream and shows another. An answer is right when it equals, letter by
letter, one of the right answers.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from benchmarks.report import parser, publish
from longwatch.models.bundled_model import FOLDER, load_bundled, parse_grid
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training import speed, sprites
from training.answering import answer, read
from training.questions import KINDS, Truth
from training.simulated import encode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM
    from longwatch.types import VisualTokens
    from training.questions import Question

SEEDS = 1 << 50  # worlds from here on are never trained on: training draws below 2 ** 40
STREAMS = {1: 20, 4: 20, 16: 16, 64: 16, 256: 8, 1024: 2}  # of each length in frames
QUICK = {4: 2, 16: 1}
SHARE = {"trained": 1.0, "simulated": 1.0, "near": 0.5, "far": 0.34, "blind": 0.5, "test": 0.5}
EACH = 4  # questions of a kind and stream
NAMED = 400  # frames of one thing
BATCH = 8  # frames that the tower reads together


class Stream(NamedTuple):
    """A stream that was read, and what may be asked about it."""

    snapshot: Snapshot
    questions: list[Question]


def look(model: BundledVLM, source: SyntheticSource, times: Sequence[float]) -> list[VisualTokens]:
    """Return the tokens of the source's frames, through the pixels."""
    found: list[VisualTokens] = []
    for start in range(0, len(times), BATCH):
        some = times[start : start + BATCH]
        found += model.encode([Frame(source.draw(t), t, 0) for t in some])
    return found


def streams(model: BundledVLM, style: str, frames: int, count: int, seed: int) -> Iterator[Stream]:
    """Yield streams of so many frames, one a second, with questions asked at their end."""
    for number in range(count):
        world_seed = SEEDS + (seed << 24) + (frames << 10) + number
        rng = Random(world_seed)
        source = SyntheticSource(world_seed, sprites=drawn(style, rng))
        times = [float(t) for t in range(frames)]
        if style == "simulated":
            world, tokens = encode(model, world_seed, times)
        else:
            world, tokens = source.world, look(model, source, times)
        truth = Truth(world, times, groups=model.tokenizer.groups)
        wordings = "test" if style == "test" else "train"
        asked = [q for kind in KINDS for q in ask(truth, kind, rng, wordings)]
        yield Stream(read(model, zip(times, tokens, strict=True)), asked)


def drawn(style: str, rng: Random) -> Mapping[str, np.ndarray[Any, np.dtype[np.uint8]]] | None:
    """Return the sprites of a set of styles; `trained` draws one of the styles trained on."""
    if style == "simulated":
        return None
    name = {"near": sprites.NEAR, "far": sprites.FAR}.get(style) or rng.choice(sprites.TRAINED)
    return sprites.sprites(name)


def ask(truth: Truth, kind: str, rng: Random, wordings: str) -> list[Question]:
    """Return EACH questions of a kind, fewer where the stream gives no clear ones."""
    last = len(truth.times) - 1
    drawn_ones = (truth.ask(kind, last, rng, wordings) for _ in range(4 * EACH))
    return [question for question in drawn_ones if question is not None][:EACH]


def accuracy(
    model: BundledVLM, style: str, frames: int, count: int, seed: int
) -> list[dict[str, Any]]:
    """Return a row for each kind of question and one for all."""
    right: dict[str, list[bool]] = defaultdict(list)
    before: Snapshot | None = None
    for stream in streams(model, style, frames, count, seed):
        shown = stream.snapshot if style != "blind" else before
        before = stream.snapshot
        if shown is None:
            continue
        for question in stream.questions:
            right[question.kind].append(answer(model, shown, question) in question.answers)
    means = [float(np.mean(values)) for values in right.values()]
    every = {"all": float(np.mean(means))} if means else {}
    rows = {kind: float(np.mean(values)) for kind, values in right.items()} | every
    counts = {kind: len(values) for kind, values in right.items()}
    counts["all"] = sum(counts.values())
    base = {"style": style, "frames": frames}
    return [base | {"kind": k, "accuracy": v, "questions": counts[k]} for k, v in rows.items()]


def naming(model: BundledVLM, style: str, count: int, seed: int) -> dict[str, Any]:
    """Return how often the single thing of a single frame is named."""
    rng, right = Random(f"naming {style} {seed}"), list[bool]()
    number = 0
    while len(right) < count:
        number += 1
        source = SyntheticSource(SEEDS + (seed << 24) + number, sprites=drawn(style, rng))
        truth = Truth(source.world, [float(rng.randrange(64))])
        if len(truth.things(0)) != 1:
            continue
        question = truth.ask("now", 0, rng)
        if question is not None:
            snapshot = read(model, zip(truth.times, look(model, source, truth.times), strict=True))
            right.append(answer(model, snapshot, question) in question.answers)
    return {
        "style": style,
        "frames": 1,
        "kind": "naming",
        "accuracy": float(np.mean(right)),
        "questions": len(right),
    }


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the contract's figures."""
    found = {(row["style"], row["frames"], row["kind"]): row["accuracy"] for row in rows}
    alone = [
        (row["accuracy"], row["questions"])
        for row in rows
        if row["kind"] == "unanswerable" and row["style"] == "trained"
    ]
    summary = {
        f"accuracy_{n}": found["trained", n, "all"]
        for n in STREAMS
        if ("trained", n, "all") in found
    }
    summary["naming_trained_styles"] = found["trained", 1, "naming"]
    summary["naming_near_style"] = found["near", 1, "naming"]
    if alone:
        summary["unanswerable"] = sum(a * n for a, n in alone) / sum(n for _, n in alone)
    return summary


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("evaluate", __doc__ or "")
    made.prog = "python -m training.evaluate"
    made.add_argument("--model", default="bundled", help="bundled, bundled:6x6 or bundled:9x9")
    made.add_argument("--folder", type=Path, default=FOLDER, help="of the model's files")
    made.add_argument("--styles", nargs="*", default=list(SHARE), choices=list(SHARE))
    made.add_argument("--most", type=int, default=1024, help="longest stream, frames")
    return made


@torch.inference_mode()
def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    model = load_bundled(folder=options.folder, grid=parse_grid(options.model))
    lengths = QUICK if options.quick else {n: c for n, c in STREAMS.items() if n <= options.most}
    rows = [
        naming(model, s, 20 if options.quick else NAMED, options.seed) for s in ("trained", "near")
    ]
    for style in options.styles:
        for frames, count in lengths.items():
            few = max(2, round(count * SHARE[style]))
            rows += accuracy(model, style, frames, few, options.seed)
    bench = speed.Bench(model, 16)
    rates = speed.summarise(speed.measure(bench, 3 if options.quick else 20))
    summary = summarise(rows) | {"fps_2_threads": rates["fps_2_threads"]}
    return publish(arguments(), words, rows, summary)


if __name__ == "__main__":
    main()
