"""A tiny random vision-language model: a real decoder behind the seam, quick enough for laws."""

from __future__ import annotations

import queue
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.memory import Memory
from longwatch.models.base import Turn, VideoLM
from longwatch.models.decoder import Decoder
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import AnswerEvent, Done, Question
from longwatch.serve.streams.stream import EncodedFrame
from longwatch.types import Frame, VisualTokens
from tests.memory import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from longwatch.memory.base import Policy
    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import FrameInput
    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.streams.stream import Stream

DEADLINE = 30.0  # seconds after which a test gives up; none of them needs more than one


class Bytes:
    """A tokenizer of which each token is one printable character."""

    def encode(self, text: str) -> list[int]:
        return [ord(c) % tiny.VOCABULARY for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(48 + i) for i in ids)


class TinyVideoLM(VideoLM):
    """Four visual tokens a frame, from its quarters' mean colours; every stream opens with text."""

    def __init__(self) -> None:
        model = tiny.stock()
        head = torch.nn.Linear(tiny.WIDTH, tiny.VOCABULARY, bias=False)
        torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(4))
        self.name = "tiny"
        self.decoder = Decoder(model, head)
        self.tokenizer = Bytes()
        self.stop_ids: frozenset[int] = frozenset()
        self.window_tokens = 200
        generator = torch.Generator().manual_seed(5)
        self._projector = torch.randn(3, tiny.WIDTH, generator=generator)

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        grid = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
        return [
            VisualTokens(self._quarters(f.image) @ self._projector, grid, (2, 2)) for f in frames
        ]

    def prefix_ids(self) -> list[int]:
        return [7, 8, 9]

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:
        return self.tokenizer.encode(f"{time:.1f}"), [6]

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        return self.tokenizer.encode("".join(turn.text for turn in turns))

    @staticmethod
    def _quarters(image: np.ndarray) -> torch.Tensor:
        h, w, _ = image.shape
        parts = [image[y : y + h // 2, x : x + w // 2] for y in (0, h // 2) for x in (0, w // 2)]
        return torch.tensor(np.stack([p.mean((0, 1)) for p in parts])).float() / 128 - 1


def frame(index: int, at: float | None = None, seed: int = 0) -> Frame:
    """Return a frame of random pixels, half a second after the one before."""
    image = np.random.default_rng((seed, index)).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Frame(image, index / 2 if at is None else at, index)


def question(text: str = "what?", tokens: int = 8, as_of: float | None = None) -> Question:
    """Return a question whose answer, `tokens` long, depends on the least bit of every logit."""
    return Question((Turn("user", text),), Sampling(1.0, seed=1, max_tokens=tokens), as_of)


class Listener:
    """Collects an answer's events."""

    def __init__(self) -> None:
        self.events: list[AnswerEvent] = []
        self._done: queue.Queue[Done] = queue.Queue()

    def __call__(self, event: AnswerEvent) -> None:
        self.events.append(event)
        if isinstance(event, Done):
            self._done.put(event)

    def done(self) -> Done:
        """Wait for the last event."""
        return self._done.get(timeout=DEADLINE)


def ask(engine: Engine, stream: str, asked: Question | None = None) -> Done:
    """Ask and wait for the end."""
    listener = Listener()
    engine.ask(stream, asked or question(), listener)
    return listener.done()


def feed(stream: Stream, frames: Sequence[Frame]) -> None:
    """Offer frames one after another, each when the one before was read."""
    for item in frames:
        stream.offer(item)
        wait_for(partial(_is_read, stream, item))


def _is_read(stream: Stream, item: Frame) -> bool:
    return stream.memory.snapshot().as_of == item.time


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until `condition()` is true, or fail after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.001)


@torch.inference_mode()
def remember(model: VideoLM, policy: Policy, times: Sequence[float]) -> Snapshot:
    """Return what a memory holds after frames at these times."""
    memory = Memory(policy, model.decoder.rope)
    _read(model, memory, model.text_input(model.prefix_ids()), None)
    for i, at in enumerate(times):
        tokens = model.encode([frame(i, at)])[0]
        _read(model, memory, model.frame_input(tokens, at), at)
    return memory.snapshot()


def _read(model: VideoLM, memory: Memory, source: FrameInput, at: float | None) -> None:
    draft = memory.begin(source.positions, at, source.advance)
    for _ in model.read(source, draft):
        pass
    memory.commit()


def read(model: VideoLM, stream: Stream, frame: Frame, chunk: int = 64) -> Generator[None]:
    """Read one frame as the engine does, a step at a time."""
    steps = stream.read(frame, chunk)
    encoded: EncodedFrame | None = None
    with closing(steps):
        while True:
            try:
                wanted = steps.send(encoded)
            except StopIteration:
                return
            encoded = None if wanted is None else EncodedFrame(model.encode([wanted])[0], 0.0)
            yield
