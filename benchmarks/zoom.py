"""Whether a second, finer look at the frame that an answer rests on makes the answer better.

    python -m benchmarks.zoom [--quick]

Seeded streams of the question world are read as the service sets them up, and each question is
asked four times: as it is (`plain`), and with the frame that weighed most (`serve.evidence`) read
once more behind the window, all its tokens, at the stream's own grid (`3x3`) and at finer ones
(`6x6`, `9x9`). `share` is the part of each frame's tokens that the stream's compressor left. `hit`
is how often that frame proves the answer. A gain is in parts of all questions, against `plain`, its
interval that of drawing the streams anew.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import intervals
from benchmarks.asking import ask, put
from benchmarks.episodes import SEEDS, draw, look
from benchmarks.replay import opened, read, take
from benchmarks.report import parser, publish
from longwatch.compressors import COMPRESSORS
from longwatch.memory.memory import Memory
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.answers.evidence import evidence
from longwatch.serve.streams.settings import StreamSettings
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training.questions import KINDS, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.memory.segment import Segment
    from longwatch.models.bundled_model import BundledVLM
    from training.questions import Question as Asked

FRAMES = 64
SHARES = (1.0, 0.3)
STREAMS, EACH = 10, 3  # streams, questions of a kind
QUICK = (1, 1)
GRIDS = {"3x3": (3, 3), "6x6": (6, 6), "9x9": (9, 9)}
ASKED = tuple(kind for kind in KINDS if kind not in {"follow_up", "unanswerable"})
SERIES = 7 << 24  # apart from the streams of the other benchmarks


class Asking(NamedTuple):
    """What became of one question."""

    share: float
    stream: int
    kind: str
    hit: bool  # the frame that weighed most proves the answer
    right: dict[str, bool]  # by way


class Stream(NamedTuple):
    """A stream that was read."""

    number: int
    share: float
    scene: SyntheticSource
    snapshot: Snapshot


class Zoom:
    """Frames of one stream, read once more behind its window; each is read once a grid."""

    def __init__(self, models: dict[str, BundledVLM], stream: Stream) -> None:
        """Take the models, one a grid, of the same weights."""
        self._models, self._stream = models, stream
        self._read: dict[tuple[str, float], Segment] = {}

    def with_frame(self, way: str, at: float, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with the frame at `at`, in seconds, behind its newest."""
        held = self._stream.snapshot.segments
        if (way, at) not in self._read:
            model = self._models[way]
            tokens = model.encode([Frame(self._stream.scene.draw(at), at, 0)])[0]
            self._read[way, at] = take(model, model.frame_input(tokens, at), at, held).segment
        again = replace(self._read[way, at], index=held[-1].index + 1)
        return replace(snapshot, segments=(*snapshot.segments, again))


def read_stream(model: BundledVLM, number: int, share: float, seed: int) -> Stream:
    """Read a stream whose compressor leaves `share` of each frame's tokens."""
    scene = SyntheticSource(SEEDS + SERIES + (seed << 32) + (FRAMES << 10) + number)
    times = [float(t) for t in range(FRAMES)]
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    compressor = COMPRESSORS["longwatch"]().at(share)
    state = compressor.new_state()
    for at, tokens in zip(times, look(model, scene, times), strict=True):
        left, state = (tokens, state) if share == 1 else compressor.compress(tokens, state)
        read(model, memory, model.frame_input(left, at), at)
    return Stream(number, share, scene, memory.snapshot())


def weightiest(
    model: BundledVLM, snapshot: Snapshot, asked: Asked
) -> tuple[Snapshot, float | None]:
    """Return what the service would ask, and the time of the frame that weighs most in it."""
    limits, ids, context = put(model, snapshot, asked)
    model.read_text(ids, context)
    shown = evidence(model, context, limits)
    return limits.snapshot, shown[0].time if shown else None


@torch.inference_mode()
def watch(models: dict[str, BundledVLM], stream: Stream, each: int) -> list[Asking]:
    """Ask a stream every way."""
    model = models["3x3"]
    times = [float(t) for t in range(FRAMES)]
    truth = Truth(stream.scene.world, times, groups=model.tokenizer.groups)
    rng = Random(f"zoom {stream.number}")
    zoom, found = Zoom(models, stream), []
    for asked in (q for kind in ASKED for q in draw(truth, kind, each, rng)):
        snapshot, at = weightiest(model, stream.snapshot, asked)
        if at is None:
            continue
        right = {"plain": ask(model, snapshot, asked).text in asked.answers}
        for way in GRIDS:
            again = zoom.with_frame(way, at, snapshot)
            right[way] = ask(model, again, asked).text in asked.answers
        hit = at in {times[frame] for frame in asked.frames}
        found.append(Asking(stream.share, stream.number, asked.kind, hit, right))
    return found


def rows_of(asked: Sequence[Asking]) -> list[dict[str, Any]]:
    """Return a row for each share and kind, and for all, hits and misses of a share."""
    rows = []
    for share in sorted({each.share for each in asked}, reverse=True):
        some = [each for each in asked if each.share == share]
        groups = {kind: [e for e in some if e.kind == kind] for kind in ASKED}
        groups |= {"all": some, "hit": [e for e in some if e.hit]}
        groups["missed"] = [e for e in some if not e.hit]
        rows += [_row(share, name, of) for name, of in groups.items() if of]
    return rows


def _row(share: float, name: str, some: Sequence[Asking]) -> dict[str, Any]:
    ways = {way: sum(e.right[way] for e in some) / len(some) for way in ("plain", *GRIDS)}
    hit = sum(e.hit for e in some) / len(some)
    return {"share": share, "kind": name, "questions": len(some), "hit": hit, **ways}


def summary_of(asked: Sequence[Asking]) -> dict[str, Any]:
    """Return each way's gain with its interval, by share."""
    told: dict[str, Any] = {}
    for share in sorted({each.share for each in asked}, reverse=True):
        some = [each for each in asked if each.share == share]
        for way in GRIDS:
            gains: dict[int, list[float]] = {}
            for each in some:
                gain = float(each.right[way]) - float(each.right["plain"])
                gains.setdefault(each.stream, []).append(gain)
            means = [sum(of) / len(of) for of in gains.values()]
            told[f"gain_{way}_share_{share}"] = list(intervals.mean({FRAMES: means}))
    return told


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("zoom", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    models = {way: load_bundled(grid=grid) for way, grid in GRIDS.items()}
    streams, each = QUICK if options.quick else (STREAMS, EACH)
    asked: list[Asking] = []
    for share in SHARES:
        for number in range(streams):
            stream = read_stream(models["3x3"], number, share, options.seed)
            asked += watch(models, stream, each)
    return publish(arguments, words, rows_of(asked), summary_of(asked))


if __name__ == "__main__":
    main()
