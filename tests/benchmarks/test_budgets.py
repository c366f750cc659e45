"""Bytes are counted as the documentation says, and a fitted policy holds no more."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import budgets
from benchmarks.replay import opened, put, read, take
from longwatch.memory import POLICIES
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.memory.window import Window
from tests.benchmarks.watched import model, stream
from tests.memory.test_laws import held_bytes

if TYPE_CHECKING:
    from typing import Self

    from longwatch.memory.base import Policy

FRAMES = 16
BOUNDED = [name for name in POLICIES if name != "full"]


def watched(policy: Policy, frames: int = FRAMES) -> tuple[Memory, list[int]]:
    """Return a memory and what it held after each frame."""
    vlm, seen = model(), stream(FRAMES)
    memory = Memory(policy, vlm.decoder.rope)
    opened(vlm, memory)
    held = []
    for time, tokens in zip(seen.times[:frames], seen.tokens, strict=False):
        read(vlm, memory, vlm.frame_input(tokens, time), time)
        held.append(budgets.held(memory))
    return memory, held


@torch.inference_mode()
def test_a_stream_that_keeps_everything_holds_two_bytes_a_number() -> None:
    vlm = model()
    _, held = watched(Full(), 5)
    assert held == [budgets.full_bytes(vlm, 10, frames) for frames in range(1, 6)]
    assert budgets.full_bytes(vlm, 10, 5) == 51 * 2 * 5 * 2 * 64 * 2


@torch.inference_mode()
@pytest.mark.parametrize("name", BOUNDED)
def test_what_is_in_use_is_at_most_what_was_asked_for(name: str) -> None:
    memory, _ = watched(POLICIES[name]().bounded(100_000, 2560))
    stats = memory.stats()
    most = stats.device_bytes + stats.archive_bytes + stats.origin_bytes
    assert 0 < budgets.held(memory) <= most


@torch.inference_mode()
@pytest.mark.parametrize("name", BOUNDED)
def test_a_dry_stream_holds_as_much_as_one_that_is_read(name: str) -> None:
    vlm, seen = model(), stream(FRAMES)
    policy = POLICIES[name]().bounded(200_000, budgets.token_bytes(vlm))
    most = budgets.most_held(vlm, policy, seen.tokens[0], FRAMES)
    assert most == max(watched(policy)[1])


def spare(memory: Memory) -> int:
    """Return the bytes that an archive has asked for in advance."""
    archive, view = memory.archive, memory.snapshot().view
    if archive is None:
        return 0
    row = sum(column.nbytes for column in view.rows) // len(view.rows.rung) if view else 0
    blocks = sum(count for count, _ in archive.rungs())
    index = sum(each.nbytes for each in archive.index)
    return archive.nbytes - archive.tier.used_bytes - index - blocks * (row + budgets.SLOT)


@torch.inference_mode()
@pytest.mark.parametrize("name", BOUNDED)
def test_a_dry_stream_counts_all_bytes_that_are_there(name: str) -> None:
    """Through a clip and past it: those of the tensors themselves, but numbers at hand halved."""
    vlm, policy = model(), POLICIES[name]().bounded(400_000, budgets.token_bytes(model()))
    memory, found = Memory(policy, vlm.decoder.rope), []
    opened(vlm, memory)
    taken = take(vlm, vlm.frame_input(stream(FRAMES).tokens[0], 0.0), 0.0)
    for number in range(45):
        segment = taken.segment  # frames share no numbers with each other
        keys, values = (tuple(x.clone() for x in of) for of in (segment.keys, segment.values))
        put(memory, taken._replace(segment=replace(segment, keys=keys, values=values)), number)
        if number in (5, 33, 34, 44):
            gc.collect()
            all_bytes = held_bytes((memory.snapshot(), memory.archive))
            there = all_bytes - memory.stats().device_bytes // 2 - spare(memory)
            found.append((budgets.held(memory), there))
    for told, there in found:
        assert told == pytest.approx(there, rel=0.05)


@torch.inference_mode()
@pytest.mark.parametrize("name", BOUNDED)
def test_a_fitted_policy_holds_no_more_than_its_budget_or_says_so(name: str) -> None:
    vlm, seen = model(), stream(FRAMES)
    budget = budgets.full_bytes(vlm, 10, FRAMES) // 2
    fit = budgets.fitted(vlm, POLICIES[name](), seen.tokens[0], FRAMES, budget)
    assert fit.over == (fit.most > budget)
    assert fit.most == budgets.most_held(vlm, fit.policy, seen.tokens[0], FRAMES)


@torch.inference_mode()
def test_a_window_is_fitted_as_large_as_the_budget_allows() -> None:
    vlm, seen = model(), stream(FRAMES)
    budget = budgets.full_bytes(vlm, 10, 8)
    fit = budgets.fitted(vlm, POLICIES["window"](), seen.tokens[0], FRAMES, budget)
    assert not fit.over
    assert budget - fit.most < 10 * budgets.token_bytes(vlm)


@dataclass(frozen=True)
class Bent(Window):
    """Holds so many times what it is asked for."""

    times: float = 1.0

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:
        return replace(self, tokens=int(self.times * max_bytes) // token_bytes)


@torch.inference_mode()
@pytest.mark.parametrize("times", [0.6, 0.95, 1.7, 4.0])
def test_a_policy_that_holds_more_or_less_than_it_is_asked_for_is_fitted_too(times: float) -> None:
    vlm, seen = model(), stream(FRAMES)
    budget = budgets.full_bytes(vlm, 10, 12)
    fit = budgets.fitted(vlm, Bent(times=times), seen.tokens[0], FRAMES, budget)
    assert not fit.over
    assert budget - fit.most <= 15 * budgets.token_bytes(vlm)


@torch.inference_mode()
def test_nothing_holds_less_than_a_frame() -> None:
    vlm, seen = model(), stream(FRAMES)
    fit = budgets.fitted(vlm, POLICIES["window"](), seen.tokens[0], FRAMES, 100)
    assert fit.over
