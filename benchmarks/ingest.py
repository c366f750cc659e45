"""What a frame costs until it is remembered, with every compressor and without one.

    python -m benchmarks.ingest [--quick] [--methods M ...] [--tower]

`bundled` is the bundled model on its 9 x 9 grid, from pixels on: a frame is encoded, compressed to
50 of 196 of its tokens, read by the language model and committed to a sliding window. `qwen2-0.5b`
is a language model of that size with random weights: 196 tokens of a made-up stream are compressed
to 50, read and committed; vision is not in it, since no method changes what it costs. `--tower`
measures a SigLIP of the true size apart, and the summary then says what is left of the gain behind
it. Windows are full before anything is timed, and hold as many tokens for every method.

All methods take turns. Everything runs on one thread; times are [median, least, most] of what it
spent on a processor. `speedup_vs_all_tokens` is the median of `keep_all` over the method's, taken
over all of `ms_per_frame`.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks.archive import Clock
from benchmarks.replay import opened, put, read, take
from benchmarks.report import parser, publish
from benchmarks.true_shape import QWEN2_05B, Reader, Tower, clip
from longwatch.compressors import COMPRESSORS
from longwatch.memory.memory import Memory
from longwatch.memory.window import Window
from longwatch.models.bundled_model import load_bundled
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from longwatch.compressors import Compressor
    from longwatch.models.base import VideoLM
    from longwatch.types import VisualTokens

BASE, OURS = "keep_all", "longwatch"
SHARE = 50 / 196
WINDOW = 2048  # tokens
GRID = (9, 9)
WARM = 2  # frames that a method sees before it is timed
SEED = 1 << 52
QUICK_METHODS = (BASE, OURS, "ctr", "dtd")


class Protocol(NamedTuple):
    """How often each method has its turn."""

    bundled: int
    large: int


FULL = Protocol(20, 3)
QUICK = Protocol(3, 1)


class Stage:
    """One method with a stream of its own, whose window is full."""

    def __init__(
        self, model: VideoLM, method: str, frames: Sequence[VisualTokens], window: int
    ) -> None:
        found: Compressor[Any] = COMPRESSORS[method]()
        self.method = method
        self._model = model
        self._compressor = found if method == BASE else found.at(SHARE)
        self._state = self._compressor.new_state()
        self._memory = Memory(Window(window), model.decoder.rope)
        self.kept = 0
        opened(model, self._memory)
        thin = [self.compress(tokens) for tokens in frames][-1]
        taken = take(model, model.frame_input(thin, 0.0), 0.0)
        count = window // len(thin) + 2
        for number in range(count):
            put(self._memory, taken, float(number))
        self._time = float(count)

    def compress(self, tokens: VisualTokens) -> VisualTokens:
        """Return what is left of a frame."""
        out, self._state = self._compressor.compress(tokens, self._state)
        self.kept = len(out)
        return out

    def read(self, tokens: VisualTokens) -> None:
        """Read a frame and commit it."""
        self._time += 1
        read(self._model, self._memory, self._model.frame_input(tokens, self._time), self._time)


@torch.inference_mode()
def measure(
    stages: Sequence[Stage], turns: int, see: Callable[[int, Clock], VisualTokens]
) -> Clock:
    """Let all stages take turns; `see` gives the tokens of a turn, and takes its own time."""
    clock = Clock()
    for turn in range(turns):
        for stage in stages:
            seen = see(turn, clock)
            thin = clock.time(f"compress {stage.method}", partial(stage.compress, seen))
            clock.time(f"read {stage.method}", partial(stage.read, thin))
    return clock


@torch.inference_mode()
def bundled(methods: Sequence[str], turns: int) -> list[dict[str, Any]]:
    """Return the rows of the bundled model, from pixels on."""
    model, scene = load_bundled(grid=GRID), SyntheticSource(SEED)
    pictures = [Frame(scene.draw(float(t)), float(t), t) for t in range(WARM + turns)]
    before = model.encode(pictures[:WARM])
    stages = [Stage(model, method, before, WINDOW) for method in methods]

    def see(turn: int, clock: Clock) -> VisualTokens:
        picture = pictures[WARM + turn]
        found: VisualTokens = clock.time("encode", lambda: model.encode([picture])[0])
        return found

    return rows("bundled", stages, measure(stages, turns, see))


@torch.inference_mode()
def large(methods: Sequence[str], turns: int) -> list[dict[str, Any]]:
    """Return the rows of the language model of the size of Qwen2-0.5B."""
    frames = clip(WARM + turns, QWEN2_05B["hidden_size"])
    model = Reader(QWEN2_05B)
    stages = [Stage(model, method, frames[:WARM], WINDOW) for method in methods]
    return rows("qwen2-0.5b", stages, measure(stages, turns, lambda turn, _: frames[WARM + turn]))


def rows(model: str, stages: Sequence[Stage], clock: Clock) -> list[dict[str, Any]]:
    """Return a row for each stage."""
    encode = clock.spread("encode") if "encode" in clock.times else [0.0, 0.0, 0.0]
    found: list[dict[str, Any]] = []
    for stage in stages:
        parts = [clock.times[f"{part} {stage.method}"] for part in ("compress", "read")]
        clock.times["both"] = [sum(pair) for pair in zip(*parts, strict=True)]
        both = clock.spread("both")
        found.append(
            {
                "model": model,
                "method": stage.method,
                "tokens": stage.kept,
                "ms_per_frame": [a + b for a, b in zip(encode, both, strict=True)],
                "encode_ms": encode[0],
                "compress_ms": clock.spread(f"compress {stage.method}")[0],
                "read_ms": clock.spread(f"read {stage.method}")[0],
            }
        )
    slow = next(row["ms_per_frame"][0] for row in found if row["method"] == BASE)
    return [row | {"speedup_vs_all_tokens": slow / row["ms_per_frame"][0]} for row in found]


def tower_ms(turns: int) -> list[float]:
    """Return median, least and most milliseconds that the true tower takes for a frame."""
    tower, clock = Tower(), Clock()
    for _ in range(turns):
        clock.time("tower", tower.look)
    return clock.spread("tower")


def summarise(rows: Sequence[dict[str, Any]], tower: list[float] | None) -> dict[str, Any]:
    """Return the contract's keys, and what is left of our gain behind the tower."""
    times: dict[str, dict[str, float]] = {}
    gains: dict[str, dict[str, float]] = {}
    for row in rows:
        times.setdefault(row["model"], {})[row["method"]] = row["ms_per_frame"][0]
        gains.setdefault(row["model"], {})[row["method"]] = row["speedup_vs_all_tokens"]
    summary: dict[str, Any] = {"ms_per_frame": times, "speedup_vs_all_tokens": gains}
    large_ones = times.get("qwen2-0.5b", {})
    if tower is not None and OURS in large_ones:
        summary["tower_ms"] = tower
        summary["speedup_behind_the_tower"] = (tower[0] + large_ones[BASE]) / (
            tower[0] + large_ones[OURS]
        )
    return summary


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("ingest", (__doc__ or "").splitlines()[0])
    made.add_argument("--methods", nargs="*", choices=list(COMPRESSORS))
    made.add_argument("--tower", action="store_true", help="measure a SigLIP of the true size too")
    return made


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    protocol = QUICK if options.quick else FULL
    asked = options.methods or (QUICK_METHODS if options.quick else list(COMPRESSORS))
    methods = [BASE, *(method for method in asked if method != BASE)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [*bundled(methods, protocol.bundled), *large(methods, protocol.large)]
        tower = tower_ms(protocol.large) if options.tower else None
    finally:
        torch.set_num_threads(threads)
    return publish(arguments(), words, found, summarise(found, tower))


if __name__ == "__main__":
    main()
