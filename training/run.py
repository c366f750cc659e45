"""Train the bundled model's language part.

    python -m training.run [--resume] [--smoke]

Starts two processes of one thread each. Each stage's log goes to --results, the state that --resume
goes on from to --work. --smoke trains a tiny model in a temporary folder for a minute instead,
stops in the middle, goes on, and checks that the loss falls.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from longwatch.errors import ModelError
from training import together
from training.language import Shape
from training.lessons import Lesson
from training.parts import make_maker, make_model
from training.together import joined
from training.trainer import Stage, Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK, RESULTS = Path("training/.cache/run"), Path("training/results")
HARD = {
    **dict.fromkeys(("after", "before"), 2.0),
    **dict.fromkeys(("at", "last", "how_many", "how_often", "follow_up"), 1.5),
    **dict.fromkeys(("was_there", "is_there", "background"), 0.6),
}
HARDER = HARD | {"how_many": 3.0, "after": 2.5, "before": 2.5, "describe": 1.5}
HARDEST = HARDER | {"at": 2.0, "how_often": 2.0}
LATE = Lesson(
    frames=(4, 256),
    tokens=640,
    whole=0.3,
    real=0.4,
    thinned=0.3,
    photographs=0.4,
    often=HARDEST,
)
CURRICULUM = [
    Stage("near", 22, Lesson(frames=(1, 16), tokens=110), streams=4, rate=(1.0, 0.6)),
    Stage("middle", 20, Lesson(frames=(1, 48), tokens=280), streams=4, rate=(1.0, 0.5)),
    Stage("far", 23, Lesson(frames=(1, 128), tokens=330, real=0.35), rate=(0.5, 0.01)),
    Stage("again", 75, Lesson(frames=(1, 64), tokens=330, real=0.4), streams=4, rate=(1.0, 0.5)),
    Stage("long", 44, Lesson(frames=(1, 192), tokens=420, real=0.4), rate=(0.5, 0.01)),
    Stage("more", 49, Lesson(frames=(1, 96), tokens=360, real=0.45), streams=4, rate=(1.0, 0.4)),
    Stage("last", 30, Lesson(frames=(1, 160), tokens=400, real=0.45), rate=(0.4, 0.1)),
    Stage("deep", 52, Lesson(frames=(1, 96), tokens=340, real=0.45), streams=4, rate=(1.0, 0.4)),
    Stage("end", 18, Lesson(frames=(1, 192), tokens=400, real=0.45), rate=(0.4, 0.01)),
    Stage("warm", 2, Lesson(frames=(1, 96), tokens=400, real=0.45), rate=(0.02, 1.0)),
    Stage(
        *("wide", 32),
        Lesson(frames=(2, 96), tokens=400, whole=0.3, real=0.45, often=HARD),
        streams=4,
        rate=(0.8, 0.35),
    ),
    Stage(
        *("whole", 29),
        Lesson(frames=(3, 256), tokens=640, whole=0.3, real=0.4, often=HARD),
        rate=(0.35, 0.003),
    ),
    Stage(
        *("onward", 27),
        Lesson(frames=(2, 128), tokens=480, whole=0.3, real=0.45, often=HARDER),
        streams=4,
        rate=(0.8, 0.35),
    ),
    Stage(
        *("close", 29),
        Lesson(frames=(3, 256), tokens=640, whole=0.3, real=0.4, often=HARDER),
        rate=(0.35, 0.003),
    ),
    Stage(
        *("further", 33),
        Lesson(frames=(5, 160), tokens=480, whole=0.3, real=0.45, often=HARDEST),
        streams=4,
        rate=(0.8, 0.35),
    ),
    Stage("settle", 33, LATE, rate=(0.35, 0.003)),
    Stage("picture", 10, replace(LATE, photographs=0.6), rate=(0.3, 0.003)),
    Stage("clear", 42, replace(LATE, real=0.5), rate=(0.6, 0.003)),
    Stage("view", 9, replace(LATE, photographs=0.8), rate=(0.25, 0.003)),
    Stage(
        *("within", 38),
        replace(LATE, real=0.5, thinned=0.5, photographs=0.7, windowed=0.5),
        rate=(0.6, 0.003),
    ),
]
SHORT = Lesson(frames=(1, 3), questions=16, tokens=30, grids=(1.0, 0.0, 0.0))
SMOKE = [
    Stage("first", 1, SHORT, streams=2, steps=50, auxiliary=0.05),
    Stage("second", 1, SHORT, streams=2, steps=25, rate=(1.0, 0.1), auxiliary=0.05),
]


def tiny(words: int) -> Shape:
    """Return sizes that learn little, fast."""
    return Shape(
        words,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=96,
    )


def train(
    rank: int, work: Path, stages: Sequence[Stage], results: Path, resume: bool, small: bool
) -> None:
    """Run the stages in process `rank`."""
    with joined(rank, work):
        torch.manual_seed(0)
        maker = make_maker(seen=any(stage.lesson.real for stage in stages))
        model = make_model(maker.tokenizer, tiny(len(maker.tokenizer)) if small else None)
        trainer = Trainer(model, maker, work, results)
        if resume:
            trainer.load()
        trainer.run(stages)


def start(
    stages: Sequence[Stage], work: Path, results: Path, *, resume: bool, small: bool = False
) -> None:
    """Run the stages; return when they are done."""
    work.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    together.spread(train, work.resolve(), stages, results.resolve(), resume, small)


def smoke() -> tuple[float, float]:
    """Train a tiny model, in two goes; return the loss of its first and of its last steps.

    Raises:
        ModelError: the loss did not fall.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(SMOKE[:1], folder, folder, resume=False, small=True)
        start(SMOKE, folder, folder, resume=True, small=True)
        lines = [
            json.loads(line)
            for stage in SMOKE
            for line in (folder / f"{stage.name}.jsonl").read_text("utf-8").splitlines()
        ]
    early, late = lines[0]["answers"], lines[-1]["answers"]
    if not late < early:
        raise ModelError(f"the loss did not fall: {early} at first, {late} at last")
    return early, late


def main(given: Sequence[str] | None = None) -> None:
    """Train, go on, or try it out."""
    parser = argparse.ArgumentParser(
        prog="python -m training.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--resume", action="store_true", help="go on from the state in --work")
    parser.add_argument("--smoke", action="store_true", help="try everything, a minute or two")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(given)
    if options.smoke:
        early, late = smoke()
        print(f"the loss of the answers fell from {early} to {late}")
    else:
        start(CURRICULUM, options.work, options.results, resume=options.resume)


if __name__ == "__main__":
    main()
