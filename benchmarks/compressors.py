"""What every compressor still answers, at the same share of a frame's tokens.

    python -m benchmarks.compressors [--quick] [--methods M ...] [--streams TIMES]

Seeded streams of the question world, a frame a second, through the pixels of the bundled model on
its finer grids; each is encoded once for each grid, thinned by each method at each share (`at`),
read whole, and asked at its end. A threshold method may use less than its share: `used` is what it
kept, of all tokens, and `share` what it was allowed.

An answer is right when the likeliest tokens, one by one, are one of the right answers. `nll` is the
mean of -log of the probability of the right answers: it tells methods apart with far fewer streams.
Differences are to `keep_all` on the same questions; intervals are those of drawing the streams
anew. `ms_per_frame` is [median, least, most] over streams of what the method spent on a processor.
A method is in `pareto` where no other had a lower `nll` for as few tokens or fewer.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import compressors_report
from benchmarks.compressors_report import BASE, Case, Result
from benchmarks.episodes import episodes
from benchmarks.report import ROOT, parser, publish
from benchmarks.scoring import scores
from longwatch.compressors import COMPRESSORS
from longwatch.models.bundled_model import load_bundled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from benchmarks.episodes import Episode
    from longwatch.compressors import Compressor
    from longwatch.models.bundled_model import BundledVLM
    from longwatch.types import VisualTokens

GRIDS = ((6, 6), (9, 9))
EACH = 1  # questions of a kind and stream
SHARES = (1 / 2, 1 / 4, 1 / 8, 1 / 16)
PLOTS = ROOT / "benchmarks" / "results"


class Length(NamedTuple):
    """Streams of one length."""

    frames: int
    streams: int


LENGTHS = (Length(8, 14), Length(12, 14), Length(16, 14))
QUICK = (Length(8, 1),)
QUICK_SHARES = (1 / 4,)


class Thinned(NamedTuple):
    """One stream after a compressor."""

    frames: list[VisualTokens]
    used: float  # share of all tokens
    ms: float  # of a processor's time, a frame


def thin(compressor: Compressor[Any], frames: Sequence[VisualTokens]) -> Thinned:
    """Compress the frames of one stream."""
    state, kept = compressor.new_state(), []
    begun = time.thread_time()
    for tokens in frames:
        out, state = compressor.compress(tokens, state)
        kept.append(out)
    spent = time.thread_time() - begun
    used = sum(map(len, kept)) / sum(map(len, frames))
    return Thinned(kept, used, 1e3 * spent / len(frames))


def evaluate(model: BundledVLM, compressor: Compressor[Any], stream: Episode) -> Result:
    """Return what became of the questions about one stream."""
    thinned = thin(compressor, stream.tokens)
    told = scores(model, stream.times, thinned.frames, stream.questions)
    return Result(
        frames=len(stream.times),
        kinds=[question.kind for question in stream.questions],
        nll=[score.nll for score in told],
        right=[score.right for score in told],
        used=thinned.used,
        ms=thinned.ms,
    )


def cases(methods: Sequence[str], shares: Sequence[float]) -> Iterator[tuple[Case, Any]]:
    """Yield every method at every share, `keep_all` first."""
    yield Case(BASE, 1.0), COMPRESSORS[BASE]()
    for name in methods:
        if name != BASE:
            for share in shares:
                yield Case(name, share), COMPRESSORS[name]().at(share)


def measure(
    model: BundledVLM,
    lengths: Sequence[Length],
    methods: Sequence[str],
    shares: Sequence[float],
    seed: int = 0,
) -> dict[Case, list[Result]]:
    """Return what became of each stream under each case."""
    found: dict[Case, list[Result]] = {}
    for length in lengths:
        for stream in episodes(model, length.frames, length.streams, EACH, seed):
            for case, compressor in cases(methods, shares):
                found.setdefault(case, []).append(evaluate(model, compressor, stream))
        print(f"{model.name}: {length.frames} frames done", file=sys.stderr)
    return found


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("compressors", (__doc__ or "").splitlines()[0])
    made.add_argument("--methods", nargs="*", default=list(COMPRESSORS), choices=list(COMPRESSORS))
    made.add_argument("--streams", type=float, default=1.0, help="times as many, at least one")
    made.add_argument("--plots", action="store_true", help="draw benchmarks/results/*.png")
    return made


@torch.inference_mode()
def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    lengths = [
        length._replace(streams=max(1, round(length.streams * options.streams)))
        for length in (QUICK if options.quick else LENGTHS)
    ]
    shares = QUICK_SHARES if options.quick else SHARES
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = {
            f"{rows}x{columns}": measure(
                load_bundled(grid=(rows, columns)), lengths, options.methods, shares, options.seed
            )
            for rows, columns in GRIDS
        }
    finally:
        torch.set_num_threads(threads)
    rows_made = [row for grid, of in results.items() for row in compressors_report.rows(grid, of)]
    if options.plots:
        compressors_report.draw(PLOTS, rows_made)
    shown = [row for row in rows_made if row["kind"] == "all"]
    return publish(
        arguments(), words, rows_made, compressors_report.summarise(results, rows_made), shown
    )


if __name__ == "__main__":
    main()
