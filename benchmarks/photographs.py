"""What the bundled model answers about photographs, through pixels, H.264 and its own window.

The demo's photographs are shown one after another with a slow pan, in several orders and at several
rates. At the end of each one, every wording that the model was trained on is asked, and the
answers are compared with the truth. The row NAMED counts answers to "now" that name what is there.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.report import parser, publish
from longwatch.cli.demo.script import Asked, Picture, load_pictures
from longwatch.cli.demo.video import write_video
from longwatch.memory import Window
from longwatch.memory.memory import Memory
from longwatch.models.answer_words import NO, YES, clock, count
from longwatch.models.base import Turn
from longwatch.models.loader import load_model
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.answer import Answer, run_to_completion
from longwatch.serve.answers.types import Done, Question
from longwatch.serve.observability.observer import EngineObserver
from longwatch.stream.sources.file import FileSource
from training.questions.wordings.grammar import TRAIN, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.types import AnswerEvent
    from longwatch.types import Frame

ABSENT = ("goldfish", "banana")
NAMED = "now, named"  # be it beside something that is not there
SAMPLING = Sampling(max_tokens=12)


@dataclass(frozen=True)
class Show:
    """One stream of photographs."""

    pictures: tuple[Picture, ...]  # in the order in which they are shown
    seconds: float  # each
    fps: float  # read


def shows(pictures: Sequence[Picture], *, quick: bool) -> list[Show]:
    """Return the streams: every order is a rotation of the same photographs."""
    orders = (0,) if quick else (0, 2)
    kinds = ((4.0, 1.0),) if quick else ((4.0, 1.0), (4.0, 2.0), (6.0, 1.0), (6.0, 2.0))
    return [
        Show((*pictures[turn:], *pictures[:turn]), seconds, fps)
        for turn in orders
        for seconds, fps in kinds
    ]


def questions(show: Show, number: int) -> Iterator[tuple[str, Asked]]:
    """Yield (kind, question) for the end of picture `number`, one in every training wording."""
    now, seen = show.pictures[number], [p.name for p in show.pictures[: number + 1]]
    names = [*(p.name for p in show.pictures), *ABSENT]
    start = [clock(n * show.seconds) for n in range(number + 1)]
    middle = [clock((n + 0.5) * show.seconds) for n in range(number + 1)]
    truths: dict[str, list[tuple[str, str]]] = {  # kind -> (thing or time asked for, truth)
        "now": [("", now.name)],
        "where": [(now.name, now.place)],
        "is_there": [(name, YES if name == now.name else NO) for name in names],
        "was_there": [(name, YES if name in seen else NO) for name in names],
        "how_many": [("", count(len(seen)))],
        "at": list(zip(middle, seen, strict=True)),
        "first": list(zip(seen, start, strict=True)),
        "after": list(pairwise(seen)),
        "before": [(later, earlier) for earlier, later in pairwise(seen)],
    }
    rng = Random(number)
    for kind, asked in truths.items():
        for what, truth in asked:
            for template in TRAIN[kind]:
                yield kind, Asked(0.0, say(template, rng, what, what), truth)


def read(model: VideoLM, memory: Memory, frame: Frame) -> None:
    """Read one frame and commit it."""
    source = model.frame_input(model.encode([frame])[0], frame.time)
    draft = memory.begin(source.positions, frame.time, source.advance)
    for _ in model.read(source, draft):
        pass
    memory.commit()


def ask(model: VideoLM, memory: Memory, text: str) -> str:
    """Return the answer to `text` as of now."""
    events: list[AnswerEvent] = []
    question = Question((Turn("user", text),), SAMPLING)
    run_to_completion(
        model, Answer(question, memory.snapshot(), model, events.append, EngineObserver())
    )
    return next(event.text for event in events if isinstance(event, Done))


@torch.inference_mode()
def watch(model: VideoLM, show: Show, folder: Path) -> Counter[tuple[str, bool]]:
    """Show the pictures to the model; return how often it was right, by kind of question."""
    path = folder / "show.mp4"
    write_video(path, [(picture.path, show.seconds) for picture in show.pictures])
    memory = Memory(Window(model.window_tokens), model.decoder.rope)
    frames = list(FileSource(path, fps=show.fps))
    counts: Counter[tuple[str, bool]] = Counter()
    for number in range(len(show.pictures)):
        end = (number + 1) * show.seconds
        while frames and frames[0].time < end - 1e-6:
            read(model, memory, frames.pop(0))
        for kind, asked in questions(show, number):
            said = ask(model, memory, asked.text)
            counts[kind, asked.right(said)] += 1
            if kind == "now":
                counts[NAMED, asked.truth in said] += 1
    return counts


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Watch all streams and publish the report."""
    arguments = parser("photographs", __doc__ or "")
    words = sys.argv[1:] if given is None else list(given)
    quick = arguments.parse_args(words).quick
    model = load_model("bundled")
    total: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for show in shows(load_pictures(), quick=quick):
            total += watch(model, show, Path(folder))
    kinds = sorted({kind for kind, _ in total})
    rows = [
        {
            "question": kind,
            "asked": total[kind, True] + total[kind, False],
            "right": total[kind, True],
            "accuracy": total[kind, True] / (total[kind, True] + total[kind, False]),
        }
        for kind in kinds
    ]
    return publish(
        arguments, words, rows, {"accuracy": {row["question"]: row["accuracy"] for row in rows}}
    )


if __name__ == "__main__":
    main()
