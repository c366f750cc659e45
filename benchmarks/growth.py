"""What a stream costs as it grows old: bytes, time for a frame, time to answer.

    python -m benchmarks.growth [--quick] [--archive-mib 16]

Streams of 1 minute to 24 hours, a frame a second. `longwatch` at all ages, with its archive bounded
so that its ladder matters; `window` and `full` up to 1 hour. Frames before the last ROUNDS of an
age are replays of some that the model read once, kept and sealed anew each time; the last ones the
model reads, with tokens that say their true time. `frame_ms` is reading one and committing it,
without its vision; `ttft_ms` goes from a question to the first token of its answer, `tpot_ms` is a
further token.

In the same run, what is done where nothing is remembered: the last 64 frames, or the whole video,
are encoded from their pixels and read again for every question. Their `read_ms` is that without
encoding.

All ages and presets take turns, a frame and a question each. Everything runs on one thread. Times
are [median, least, most] of what it spent on a processor: on a machine that does nothing else, that
is the time that passes. `archive_compression` compares what an archive without a bound holds with
all tokens of its frames in fp16. It and `sealed_bytes` count what is in use; `archive_bytes` and
`total_bytes` all memory that was asked for, numbers at hand in fp32 as this model has them.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss
import torch

from benchmarks import aged, anew
from benchmarks.aged import Aged
from benchmarks.archive import Clock
from benchmarks.growth_report import rows_again, rows_aged, summarise
from benchmarks.replay import read
from benchmarks.report import parser, publish
from longwatch.memory.full import Full
from longwatch.memory.longwatch import Longwatch
from longwatch.memory.window import Window
from longwatch.models.bundled_model import load_bundled
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from benchmarks.anew import Begun
    from longwatch.memory.base import Policy
    from longwatch.memory.segment import Segment
    from longwatch.models.bundled_model import BundledVLM

MINUTE, HOUR = 60, 3600
QUESTIONS = (
    "What do you see now?",
    "What did you see at 00:20?",
    "How often did you see a dog?",
    "When did you first see a cat?",
)
TOKENS = 8  # of an answer
LAST = 64  # frames that are read again


class Protocol(NamedTuple):
    """How much is done."""

    ages: tuple[int, ...]  # seconds
    short: int  # the presets that hold everything, or nothing, go up to this age
    whole: int  # and reading the whole video again up to this one
    pool: int  # frames that are read to be replayed
    rounds: int
    last_every: int  # rounds: in these the last 64 frames are read again
    whole_every: int  # and in these the whole video


FULL = Protocol((MINUTE, 600, HOUR, 6 * HOUR, 24 * HOUR), HOUR, 600, 400, 48, 4, 16)
QUICK = Protocol((MINUTE, 600), 600, MINUTE, 32, 16, 8, 8)


def presets(model: BundledVLM, archive_bytes: int) -> dict[str, Policy]:
    """Return the presets, with the window that is right for the model."""
    return {
        "longwatch": Longwatch(max_bytes=archive_bytes).sized(model.window_tokens),
        "window": Window(model.window_tokens),
        "full": Full(),
    }


def grown(
    model: BundledVLM, pooled: Sequence[Segment], protocol: Protocol, archive_bytes: int
) -> list[Aged]:
    """Return a memory of every preset and age."""
    found = []
    for age in protocol.ages:
        coming = aged.coming(model, age, protocol.rounds)
        for preset, policy in presets(model, archive_bytes).items():
            if preset == "longwatch" or age <= protocol.short:
                memory = aged.grow(model, policy, pooled, age, protocol.rounds)
                found.append(Aged(preset, age, memory, coming, []))
                print(f"{preset} is {age} s old", file=sys.stderr)
    return found


def unbounded(model: BundledVLM, pooled: Sequence[Segment], protocol: Protocol) -> Aged:
    """Return an hour, or the oldest age where that is less, under `longwatch` without a bound."""
    policy = Longwatch(max_bytes=None).sized(model.window_tokens)
    age = min(HOUR, protocol.ages[-1])
    memory = aged.grow(model, policy, pooled, age, 0)
    return Aged("longwatch", age, memory, aged.coming(model, age, 1), [])


@torch.inference_mode()
def measure(model: BundledVLM, streams: Sequence[Aged], protocol: Protocol, clock: Clock) -> None:
    """Read the frames that are still to come, and ask after each; read all again now and then."""
    scene = SyntheticSource(aged.SEED)
    video = [Frame(scene.draw(t), float(t), t) for t in range(protocol.whole)]
    for turn in range(protocol.rounds):
        text = QUESTIONS[turn % len(QUESTIONS)]
        for stream in streams:
            name = f"{stream.preset} {stream.age}"
            time, seen = stream.coming[turn]
            source = model.frame_input(seen, time)
            clock.time(f"frame {name}", partial(read, model, stream.memory, source, time))
            stream.device.append(stream.memory.stats().device_bytes)
            begin = partial(anew.remember, model, stream.memory.snapshot(), text, TOKENS)
            say(model, clock.time(f"ttft {name}", begin), name, clock)
        if turn % protocol.last_every == 0:
            again(model, video[:LAST], text, "last", clock)
        if turn % protocol.whole_every == 0:
            for age in protocol.ages:
                if age <= protocol.whole:
                    again(model, video[:age], text, f"whole {age}", clock)


def again(model: BundledVLM, frames: Sequence[Frame], text: str, name: str, clock: Clock) -> None:
    """Answer by reading frames from their pixels on."""
    times = [frame.time for frame in frames]
    tokens = clock.time(f"encode {name}", partial(anew.encode, model, frames))
    begin = partial(anew.read_again, model, tokens, times, text, TOKENS)
    say(model, clock.time(f"read {name}", begin), name, clock)


def say(model: BundledVLM, begun: Begun, name: str, clock: Clock) -> None:
    """Say the rest of an answer."""
    for _ in range(TOKENS - 1):
        begun = clock.time(f"tpot {name}", partial(anew.further, model, begun))


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("growth", (__doc__ or "").splitlines()[0])
    made.add_argument("--archive-mib", type=int, default=16, help="bound of longwatch's archive")
    return made


@torch.inference_mode()
def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Let streams grow old, measure, and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    protocol = QUICK if options.quick else FULL
    threads = torch.get_num_threads(), faiss.omp_get_max_threads()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    try:
        model, clock = load_bundled(), Clock()
        pooled = aged.pool(model, protocol.pool)
        streams = grown(model, pooled, protocol, options.archive_mib << 20)
        before = unbounded(model, pooled, protocol)
        measure(model, streams, protocol, clock)
    finally:
        torch.set_num_threads(threads[0])
        faiss.omp_set_num_threads(threads[1])
    rows = [*rows_aged(streams, clock), *rows_again(clock)]
    summary = summarise(rows, before, model)
    return publish(arguments(), words, rows, summary)


if __name__ == "__main__":
    main()
