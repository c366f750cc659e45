"""Laws of every policy that are not those of one file: chunks, bytes, and M-RoPE."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest
import torch

from benchmarks import text_models
from longwatch.memory import (
    InfiniPotV,
    LiveVLM,
    Longwatch,
    Policy,
    ReKV,
    StreamingTOM,
    Window,
)
from longwatch.memory.context import Context
from longwatch.memory.memory import Memory
from longwatch.models.decoder import Decoder
from longwatch.models.preprocess import grid_positions
from tests.memory import parts, tiny
from tests.memory.cases import BOUNDED, RECALLING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from longwatch.memory.segment import Segment


@pytest.fixture(scope="module")
def model() -> Decoder:
    return tiny.decoder()


def answer(model: Decoder, context: Context, question: Tensor) -> Tensor:
    at = torch.arange(len(question)).expand(model.rope.axes, -1)
    return model.forward(question, at, context)


@pytest.mark.parametrize("policy", BOUNDED, ids=repr)
def test_chunks_of_any_size_are_read_alike(model: Decoder, policy: Policy) -> None:
    """With sealing, cutting and recall: the same tokens stay, and the answer is the same."""
    question = tiny.frames(1, 5, seed=9)[0]
    found = []
    for chunk in (1000, 1, 3):
        memory = Memory(policy, model.rope)
        for i, clip in enumerate(tiny.frames(9, 4)):
            tiny.read(model, memory, clip, float(i), chunk)
        found.append(answer(model, memory.snapshot().context(model.rope, room=5), question))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-4, rtol=0)


def reachable(start: object) -> Iterable[object]:
    """Yield all that can be reached from an object and is data, each once."""
    seen, left = {id(start)}, [start]
    while left:
        each = left.pop()
        yield each
        if isinstance(each, torch.Tensor | np.ndarray | faiss.Index):
            more: list[Any] = [each.base] if isinstance(each, np.ndarray) else []
        else:
            more = gc.get_referents(each)
        for other in more:
            if id(other) in seen or isinstance(other, type | ModuleType | FunctionType):
                continue
            seen.add(id(other))
            left.append(other)


def held_bytes(memory: object) -> int:
    """Return the bytes of all tensors, arrays and indices that something holds on to."""
    total, storages = 0, dict[int, int]()
    for each in reachable(memory):
        if isinstance(each, torch.Tensor):
            storage = each.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(each, np.ndarray) and each.base is None:
            total += each.nbytes
        elif isinstance(each, faiss.Index):
            total += each.ntotal * each.sa_code_size()
    return total + sum(storages.values())


HOLDING: list[Policy] = [
    Window(tokens=400),
    ReKV(window_tokens=40),
    ReKV(window_tokens=40, max_bytes=100_000),
    StreamingTOM(window_tokens=40, group_tokens=16),
    LiveVLM(tokens=400, clip=8),
    InfiniPotV(tokens=400),
    Longwatch(window_tokens=40, block_tokens=16, thinning=None, max_bytes=None),
    Longwatch(window_tokens=40, block_tokens=16, thinning=None, max_bytes=100_000, rungs=4),
]


@pytest.mark.parametrize("policy", HOLDING, ids=repr)
def test_bytes_that_are_told_are_those_that_are_held(policy: Policy) -> None:
    memory = parts.read(policy, [parts.frame(i, 16) for i in range(300)])
    stats = memory.stats()
    told = stats.device_bytes + stats.archive_bytes + stats.origin_bytes
    gc.collect()
    assert held_bytes(memory) == pytest.approx(told, rel=0.05)


class Film:
    """A tiny Qwen2.5-VL that reads frames of a few rows and columns."""

    def __init__(self, advance: int | None) -> None:
        with torch.random.fork_rng(devices=[]):
            self.model = Decoder(
                text_models.build(*text_models.ACCEPTED["Qwen2.5-VL"]), torch.nn.Identity()
            )
        self.advance = advance
        self.width = 64

    def embeds(self, n: int, seed: int) -> Tensor:
        return torch.randn(n, self.width, generator=torch.Generator().manual_seed(seed))

    def read(self, memory: Memory, positions: Tensor, time: float | None) -> Segment:
        n = positions.shape[1]
        draft = memory.begin(positions, time, None if time is None else self.advance)
        seed = 500 if time is None else int(time)
        self.model.forward(self.embeds(n, seed), positions, draft)
        return memory.commit()


@pytest.mark.parametrize("policy", RECALLING, ids=repr)
@pytest.mark.parametrize("advance", [None, 1, 2])
def test_all_blocks_recalled_equal_the_same_frames_at_hand_with_three_axes(
    policy: Policy, advance: int | None
) -> None:
    """Frames of one video, or pictures, that reach further in space than in time."""
    film = Film(advance)
    memory = Memory(policy, film.model.rope)
    read = [film.read(memory, torch.arange(3).expand(3, -1), None)]
    sizes = [grid_positions(2, 5 if i % 3 else 3) for i in range(7)]
    read += [film.read(memory, at, float(i)) for i, at in enumerate(sizes)]
    stats = memory.stats()
    assert stats.sealed_tokens > 20
    assert stats.sealed_tokens + stats.tokens_stored == sum(map(len, read))
    question = film.embeds(5, 900)
    at_hand = Context(read, film.model.rope, room=5)
    expected = answer(film.model, at_hand, question)
    ours = answer(film.model, memory.snapshot().context(film.model.rope, room=5), question)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)
