"""What dropping tokens inside the language model costs in answers, and saves in time.

    python -m benchmarks.pruners [--quick]

Seeded streams of the question world on 6 x 6 cells are read into a memory that keeps all it gets,
and asked at their end: with every pruner at a half to an eighth of each frame's tokens, with our
compressor at the same share, which drops them before the language model, and with all of them.
The time of a frame is that of the language model on one thread, all methods on a frame before the
next one is read; its ratio is to that of all tokens. Intervals are those of drawing streams anew.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import intervals
from benchmarks.asking import ask
from benchmarks.episodes import episodes
from benchmarks.replay import opened
from benchmarks.report import parser, publish
from longwatch.compressors import COMPRESSORS, PRUNERS
from longwatch.memory import Full
from longwatch.memory.memory import Memory
from longwatch.memory.pruned import Pruning
from longwatch.models.bundled_model import load_bundled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.episodes import Episode
    from longwatch.models.bundled_model import BundledVLM
    from longwatch.types import VisualTokens

GRID = (6, 6)
SHARES = (1 / 2, 1 / 4, 1 / 8)
FRAMES, STREAMS, EACH = 24, 8, 2  # frames, streams, questions of a kind
QUICK = (4, 1, 1)
ALL, OURS = "keep_all", "longwatch"


class Way(NamedTuple):
    """One method at one share."""

    method: str
    share: float


WAYS = [Way(ALL, 1.0), *(Way(name, share) for name in (OURS, *PRUNERS) for share in SHARES)]


class Reader:
    """Reads one stream one way."""

    def __init__(self, model: BundledVLM, way: Way) -> None:
        """Begin with nothing read."""
        self.memory = Memory(Full(), model.decoder.rope)
        self.seconds: list[float] = []  # of each frame
        self._model = model
        self._compressor = COMPRESSORS[OURS]().at(way.share) if way.method == OURS else None
        self._state = None if self._compressor is None else self._compressor.new_state()
        if way.method in PRUNERS:
            pruner = PRUNERS[way.method]().at(way.share)
            self.memory.pruning = Pruning(pruner, model.decoder.layers)
        opened(model, self.memory)

    def take(self, tokens: VisualTokens, at: float) -> None:
        """Read a frame at `at` seconds."""
        begin = time.perf_counter()
        if self._compressor is not None:
            tokens, self._state = self._compressor.compress(tokens, self._state)
        source = self._model.frame_input(tokens, at)
        draft = self.memory.begin(source.positions, at, source.advance, source.visual)
        for _ in self._model.read(source, draft):
            pass
        self.memory.commit()
        self.seconds.append(time.perf_counter() - begin)


class Result(NamedTuple):
    """How one way did on one stream."""

    way: Way
    right: float  # share of the questions
    tokens: float  # stored a frame
    seconds: float  # median of a frame


@torch.inference_mode()
def compare(model: BundledVLM, stream: Episode) -> list[Result]:
    """Read a stream every way and ask about it."""
    readers = {way: Reader(model, way) for way in WAYS}
    for at, tokens in zip(stream.times, stream.tokens, strict=True):
        for reader in readers.values():
            reader.take(tokens, at)
    found = []
    for way, reader in readers.items():
        snapshot = reader.memory.snapshot()
        said = [ask(model, snapshot, asked).text in asked.answers for asked in stream.questions]
        stored = [len(s) for s in snapshot.segments if s.time is not None]
        kept = sum(stored) / len(stored)
        found.append(Result(way, sum(said) / len(said), kept, median(reader.seconds)))
    return found


def rows_of(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return a row for each method and share."""
    whole = [each for each in results if each.way.method == ALL]
    rows = []
    for way in WAYS:
        some = [each for each in results if each.way == way]
        right = intervals.mean({0: [each.right for each in some]})
        ratios = [each.seconds / base.seconds for each, base in zip(some, whole, strict=True)]
        rows.append(
            {
                "method": way.method,
                "share": way.share,
                "tokens": sum(each.tokens for each in some) / len(some),
                "accuracy": right.mean,
                "ci95": [right.low, right.high],
                "time_ratio": median(ratios),
            }
        )
    return rows


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("pruners", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    model = load_bundled(grid=GRID)
    results: list[Result] = []
    frames, streams, each = QUICK if options.quick else (FRAMES, STREAMS, EACH)
    questions = 0
    for stream in episodes(model, frames, streams, each, options.seed):
        questions += len(stream.questions)
        results += compare(model, stream)
    rows = rows_of(results)
    best = {f"best_at_{share:g}": _best(rows, share) for share in SHARES}
    return publish(arguments, words, rows, {"questions": questions, **best})


def _best(rows: Sequence[dict[str, Any]], share: float) -> str:
    best = max((row for row in rows if row["share"] == share), key=lambda row: row["accuracy"])
    return str(best["method"])


if __name__ == "__main__":
    main()
