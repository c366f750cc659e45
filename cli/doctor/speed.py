"""How fast a model reads and answers on this machine. Imports torch; `doctor` may find none."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from statistics import median
from typing import NamedTuple

import numpy as np

from longwatch.errors import ModelError
from longwatch.models.base import Turn
from longwatch.models.loader import load_model
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import AnswerEvent, Done, Question
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.settings import StreamSettings
from longwatch.types import Frame

FRAMES = 5
TOKENS = 16
PATIENCE = 300.0  # seconds for one frame or one answer


class Speed(NamedTuple):
    """What was measured, with nothing else going on in this process."""

    frames_per_second: float
    ttft_ms: float
    tokens_per_second: float | None  # None where the answer was a single token


class _Listener(EngineObserver):
    """Hands on what the engine says, to be waited for."""

    def __init__(self) -> None:
        self.frames: SimpleQueue[str | None] = SimpleQueue()
        self.ends: SimpleQueue[Done] = SimpleQueue()

    def frame_read(self, stream: str, lag: float, encode: float) -> None:
        self.frames.put(None)

    def frame_failed(self, stream: str, code: str) -> None:
        self.frames.put(code)

    def hear(self, event: AnswerEvent) -> None:
        """Take in an event of the answer."""
        if isinstance(event, Done):
            self.ends.put(event)


def measure(name: str) -> Speed:
    """Load the model `name`, which runs its self-test, and let it read and answer a little.

    Raises:
        LongwatchError: it cannot be loaded, fails its self-test, or does not answer.
    """
    listener = _Listener()
    engine = Engine(load_model(name), observer=listener)
    engine.start()
    try:
        frame_s = _read(engine, listener)
        question = Question((Turn("user", "what do you see?"),), Sampling(max_tokens=TOKENS))
        engine.ask("doctor", question, listener.hear)
        end = listener.ends.get(timeout=PATIENCE)
    except Empty:
        raise ModelError(
            f"the model {name!r} did nothing for {PATIENCE:.0f} s; try a smaller one"
        ) from None
    finally:
        engine.close()
    return _speed(frame_s, end)


def _read(engine: Engine, listener: _Listener) -> float:
    """Return the median seconds that a frame takes."""
    stream = engine.open_stream("doctor", StreamSettings(fps=None))
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    took = []
    for n in range(FRAMES):
        start = time.perf_counter()
        stream.offer(Frame(noise, n / 2, n))
        failure = listener.frames.get(timeout=PATIENCE)
        if failure is not None:
            raise ModelError(f"the model could not read a frame ({failure}); see the log")
        took.append(time.perf_counter() - start)
    return median(took)


def _speed(frame_s: float, end: Done) -> Speed:
    if end.error is not None:
        raise end.error
    first, whole = end.timing.ttft_ms, end.timing.total_ms
    if first is None:
        raise ModelError("the model ended its answer without a token; try another one")
    more = end.usage.output_tokens - 1
    rate = 1000 * more / (whole - first) if more > 0 and whole > first else None
    return Speed(1 / frame_s, first, rate)
