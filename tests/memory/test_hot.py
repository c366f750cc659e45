"""Decoded blocks that are kept change no answer, take no more than their room, and go in time."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from longwatch.memory import Longwatch, Policy, ReKV, StreamingTOM
from longwatch.memory.hot import Hot, hot_for
from longwatch.memory.memory import Memory, Snapshot
from longwatch.memory.sealed import Shape
from tests.memory import parts

LADDER = Longwatch(window_tokens=8, sinks=0, block_tokens=8, thinning=None, tokens=24, rungs=3)
POLICIES: list[Policy] = [
    LADDER,
    replace(LADDER, max_bytes=8000),
    ReKV(window_tokens=8, frames=3),
    StreamingTOM(window_tokens=8, group_tokens=6, tokens=12),
]
ROW = 2 * parts.H * 8 * parts.D * 4
TOKENS = 8


def warm(policy: Policy, room: int) -> Memory:
    memory = Memory(policy, parts.Places())
    memory.hot_bytes = room
    return memory


def same(one: Snapshot, other: Snapshot, seed: int) -> bool:
    pairs = zip(*(parts.seen(s, parts.question(seed)) for s in (one, other)), strict=True)
    return all(torch.equal(a.keys, b.keys) and torch.equal(a.values, b.values) for a, b in pairs)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("room", [1, ROW, 9 * ROW, 1 << 20])
def test_answers_are_the_same_bit_by_bit_with_and_without(policy: Policy, room: int) -> None:
    """While blocks age and go, and for whoever still looks at an older state."""
    cold, hot = warm(policy, 0), warm(policy, room)
    older: list[tuple[Snapshot, Snapshot]] = []
    for i in range(30):
        for memory in (cold, hot):
            memory.put(parts.frame(i, TOKENS))
        older.append((cold.snapshot(), hot.snapshot()))
        if i % 5 == 4:
            for before in (older[-1], older[0], older[len(older) // 2]):
                assert same(*before, seed=i % 3)
                assert same(*before, seed=0)
            older = older[-6:]
    assert hot.archive is not None
    kept = hot.archive.hot
    if policy is LADDER:
        assert (kept is None) == (room < ROW)
    if kept is not None:
        assert kept.nbytes <= room
        assert hot.stats().device_bytes == cold.stats().device_bytes + kept.nbytes


def test_the_same_question_again_decodes_nothing() -> None:
    memory = warm(LADDER, 1 << 20)
    for i in range(20):
        memory.put(parts.frame(i, TOKENS))
    snapshot = memory.snapshot()
    parts.seen(snapshot, parts.question())
    assert memory.archive is not None
    assert memory.archive.hot is not None
    missed, hit = memory.archive.hot.misses, memory.archive.hot.hits
    parts.seen(snapshot, parts.question())
    assert memory.archive.hot.misses == missed > 0
    assert memory.archive.hot.hits > hit


def test_what_was_freed_takes_no_room() -> None:
    memory = warm(replace(LADDER, max_bytes=6000), 1 << 20)
    for i in range(60):
        memory.put(parts.frame(i, TOKENS))
        parts.seen(memory.snapshot(), parts.question(i))
    assert memory.archive is not None
    assert memory.archive.hot is not None
    seen = set(memory.archive.hot.held())
    memory.archive.trim()
    live = set(memory.archive.ladder)
    assert seen
    assert set(memory.archive.hot.held()) <= live


def test_the_last_ones_read_stay() -> None:
    """Against a list, with reads of any size."""
    shape = Shape(3, 2, 4, torch.float32, torch.device("cpu"), 1, None)
    hot, order, rng = (
        Hot(7 * 2 * 2 * 5 * 4 * 4, shape, 5),
        list[tuple[int, int]](),
        random.Random(0),
    )

    def decode(ids: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        keys = torch.from_numpy(ids).float()[:, None, None, None].expand(-1, 2, 5, 4) + layer / 10
        return keys, -keys

    for _ in range(300):
        layer, ids = rng.randrange(3), np.array(sorted(rng.sample(range(12), rng.randint(1, 9))))
        known = [block for block in ids.tolist() if (block, layer) in order]
        before = hot.misses
        keys, values = hot.read(layer, ids, decode)
        expected = decode(ids)
        assert torch.equal(keys, expected[0])
        assert torch.equal(values, expected[1])
        assert hot.misses - before == len(ids) - len(known)
        order = [key for key in order if key[1] != layer or key[0] not in known]
        fresh = [block for block in ids.tolist() if block not in known]
        order = [*order, *((block, layer) for block in [*known, *fresh])][-7:]
        assert hot.held() == [block for block, _ in order]


def test_without_room_for_a_block_there_is_none() -> None:
    memory = warm(LADDER, 0)
    for i in range(4):
        memory.put(parts.frame(i, TOKENS))
    assert memory.archive is not None
    assert hot_for(memory.archive, ROW - 1) is None
    assert hot_for(memory.archive, ROW) is not None
