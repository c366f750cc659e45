"""Do questions hold up frames, or frames questions? One engine, one run, load points in turn.

Frames are offered at a steady rate while 0 or 4 questions are always under way; the two are
measured alternately. Answers are forced to their full length, which is the hardest case. A last
load point offers more frames than the model can read: the buffer drops the oldest, and counts.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.report import parser, publish
from longwatch.models.base import Turn
from longwatch.models.loader import load_model
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import Done, Question
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.settings import StreamSettings
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.serve.answers.types import AnswerEvent

ASKERS = 4
TOKENS = 32  # an answer
DRAIN = 30.0  # seconds that the last frames and answers of a load point may take


@dataclass(frozen=True)
class Load:
    """What is done to the engine for some seconds."""

    name: str
    fps: float  # frames offered a second
    askers: int  # questions under way at any time


@dataclass
class Tally(EngineObserver):
    """What the engine says of one load point; several runs of it add up."""

    lags: list[float] = field(default_factory=list)  # seconds
    firsts: list[float] = field(default_factory=list)  # seconds to the first token
    tokens: int = 0
    answers: int = 0
    offered: int = 0
    dropped: int = 0
    seconds: float = 0.0

    def frame_read(self, stream: str, lag: float, encode: float) -> None:
        """Take note of a frame's lag."""
        self.lags.append(lag)

    def first_token(self, seconds: float) -> None:
        """Take note of a first token."""
        self.firsts.append(seconds)
        self.tokens += 1

    def next_token(self, seconds: float) -> None:
        """Take note of a further token."""
        self.tokens += 1

    def answer_done(self, status: str, seconds: float) -> None:
        """Take note of an answer."""
        self.answers += 1

    def row(self, load: Load) -> dict[str, Any]:
        """Return the figures of a load point."""
        return {
            "load": load.name,
            "fps_offered": load.fps,
            "questions_at_once": load.askers,
            "frames_offered": self.offered,
            "frames_read": len(self.lags),
            "frames_dropped": self.dropped,
            "frames_read_per_s": len(self.lags) / self.seconds,
            "frame_lag_p50_ms": percentile(self.lags, 50),
            "frame_lag_p99_ms": percentile(self.lags, 99),
            "answers": self.answers,
            "ttft_p50_ms": percentile(self.firsts, 50),
            "ttft_p99_ms": percentile(self.firsts, 99),
            "decode_tokens_per_s": self.tokens / self.seconds,
        }


class Asker:
    """Keeps a number of questions under way until it is stopped."""

    def __init__(self, engine: Engine, stream: str, count: int) -> None:
        self._engine = engine
        self._stream = stream
        self._stopping = threading.Event()
        self._idle = [threading.Event() for _ in range(count)]
        for i in range(count):
            self._ask(i)

    def stop(self) -> None:
        """Let the questions under way come to their end."""
        self._stopping.set()
        for event in self._idle:
            event.wait(DRAIN)

    def _ask(self, number: int) -> None:
        def listen(event: AnswerEvent) -> None:
            if isinstance(event, Done):
                # Not on the engine's thread: asking again there would count as its own work.
                threading.Thread(target=again, daemon=True).start()

        def again() -> None:
            if self._stopping.is_set():
                self._idle[number].set()
            else:
                self._ask(number)

        question = Question((Turn("user", "what do you see"),), Sampling(max_tokens=TOKENS))
        self._engine.ask(self._stream, question, listen)


class Stage:
    """An engine with one stream, on which load points are run one after another."""

    def __init__(self, model_name: str, seed: int) -> None:
        model = load_model(model_name)
        model.stop_ids = frozenset()  # every answer has its full length
        self._tally = Tally()
        self._engine = Engine(model, observer=_Switch(self))
        self._engine.start()
        self._stream = self._engine.open_stream("camera", StreamSettings(fps=None, queue=2))
        generator = np.random.default_rng(seed)
        self._pictures = generator.integers(0, 256, (8, 480, 640, 3), dtype=np.uint8)
        self._index = 0
        self.read = 0  # frames, of all load points
        self._offer()
        self._settle()
        self.run(Load("warm-up", 4.0, 1), 2.0, Tally())

    @property
    def tally(self) -> Tally:
        """Where the engine's figures go now."""
        return self._tally

    def run(self, load: Load, seconds: float, tally: Tally) -> None:
        """Put the engine under `load` for `seconds`, then wait until it is at rest."""
        self._tally = tally
        dropped = self._stream.buffer.dropped
        asker = Asker(self._engine, "camera", load.askers)
        start = time.monotonic()
        count = round(load.fps * seconds)
        for i in range(count):
            time.sleep(max(0.0, start + i / load.fps - time.monotonic()))
            self._offer()
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        tally.seconds += time.monotonic() - start
        asker.stop()
        self._settle()
        tally.offered += count
        tally.dropped += self._stream.buffer.dropped - dropped

    def close(self) -> None:
        """Stop the engine."""
        self._engine.close()

    def _offer(self) -> None:
        picture = self._pictures[self._index % len(self._pictures)]
        now = time.monotonic()
        self._stream.offer(Frame(picture, float(self._index), self._index, arrived=now))
        self._index += 1

    def _settle(self) -> None:
        """Wait until a tally has heard of every frame: it is told after the memory has it."""
        end = time.monotonic() + DRAIN
        while self.read + self._stream.buffer.dropped < self._index and time.monotonic() < end:
            time.sleep(0.005)


class _Switch(EngineObserver):
    """Passes what the engine says to the tally of the load point that runs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def frame_read(self, stream: str, lag: float, encode: float) -> None:
        self._stage.tally.frame_read(stream, lag, encode)
        self._stage.read += 1

    def first_token(self, seconds: float) -> None:
        self._stage.tally.first_token(seconds)

    def next_token(self, seconds: float) -> None:
        self._stage.tally.next_token(seconds)

    def answer_done(self, status: str, seconds: float) -> None:
        self._stage.tally.answer_done(status, seconds)


def percentile(values: Sequence[float], q: float) -> float | None:
    """Return a percentile of seconds in milliseconds, or None of nothing."""
    return float(np.percentile(values, q)) * 1000 if values else None


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the load points in turn and publish the report."""
    arguments = parser("interference", __doc__ or "")
    arguments.add_argument("--model", default="bundled")
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    torch.manual_seed(options.seed)
    repeats, seconds = (2, 4.0) if options.quick else (4, 30.0)

    quiet, asked = Load("frames alone", 2.0, 0), Load("frames and questions", 2.0, ASKERS)
    overload = Load("overload", 60.0, ASKERS)
    tallies = {load.name: Tally() for load in (quiet, asked, overload)}
    stage = Stage(options.model, options.seed)
    lag: dict[str, list[float]] = {quiet.name: [], asked.name: []}
    for _ in range(repeats):
        for load in (quiet, asked):
            before = len(tallies[load.name].lags)
            stage.run(load, seconds, tallies[load.name])
            lag[load.name].append(statistics.median(tallies[load.name].lags[before:]))
    stage.run(overload, seconds, tallies[overload.name])
    stage.close()

    rows = [tallies[load.name].row(load) for load in (quiet, asked, overload)]
    ratios = [b / a for a, b in zip(lag[quiet.name], lag[asked.name], strict=True)]
    return publish(
        arguments,
        words,
        rows,
        {
            "dropped_within_capacity": rows[0]["frames_dropped"] + rows[1]["frames_dropped"],
            "frame_lag_p99_ms": rows[1]["frame_lag_p99_ms"],
            "frame_lag_ratio": statistics.median(ratios),
            "frame_lag_ratio_range": [min(ratios), max(ratios)],
            "ttft_p50_ms": rows[1]["ttft_p50_ms"],
            "ttft_p99_ms": rows[1]["ttft_p99_ms"],
            "decode_tokens_per_s": rows[1]["decode_tokens_per_s"],
            "overload_policy": "drop_oldest",
            "overload_dropped": rows[2]["frames_dropped"],
            "overload_accounted": rows[2]["frames_read"] + rows[2]["frames_dropped"]
            == rows[2]["frames_offered"],
        },
    )


if __name__ == "__main__":
    main()
