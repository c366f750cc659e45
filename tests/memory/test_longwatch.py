"""The ladder: what is bounded, how the past fades, and what is always there."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory import Longwatch
from tests.memory.cases import EXACT
from tests.memory.parts import LAYERS, TOKEN, D, H, frame, question, read, seen, text

if TYPE_CHECKING:
    from longwatch.memory.memory import Memory

BLOCK = 8  # tokens, which are two frames
ROW = LAYERS * EXACT.row_bytes(H, D, BLOCK)


def fading(most: int, rungs: int, **settings: Any) -> Longwatch:
    """Return a policy whose first rung has room for `most` blocks, the others share as much."""
    defaults = {"window_tokens": 8, "sinks": 1, "thinning": None, "codec": EXACT, "tokens": 10_000}
    return Longwatch(
        block_tokens=BLOCK, max_bytes=2 * (most + 1) * ROW, rungs=rungs, **(defaults | settings)
    )


def held(memory: Memory) -> list[list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]]:
    """Return the frames and times of each block's tokens, by rung, oldest block first."""
    view = memory.snapshot().view
    if view is None or memory.archive is None:
        return []
    ids = view.in_time(np.flatnonzero(view.allowed()))
    rungs: list[list[Any]] = [[] for _ in memory.archive.rungs()]
    for i in ids:
        tokens, _ = view.tokens(np.array([i]))
        rungs[int(view.rows.rung[i - view.base])].append((tokens.frame, tokens.time))
    return rungs


@given(
    max_bytes=st.integers(1, 40 * ROW),
    window=st.integers(1, 20),
    rungs=st.integers(2, 5),
    fresh=st.floats(0.1, 0.9),
    n=st.integers(1, 5),
)
@settings(max_examples=6, deadline=None)
def test_a_stream_without_end_takes_bounded_bytes(
    max_bytes: int, window: int, rungs: int, fresh: float, n: int
) -> None:
    """A rung holds at least a block, and at least two arrive before one goes on."""
    policy = Longwatch(
        window_tokens=window,
        block_tokens=BLOCK,
        thinning=None,
        codec=EXACT,
        max_bytes=max_bytes,
        rungs=rungs,
        fresh=fresh,
    )
    memory = read(policy, [frame(i, n) for i in range(30)])
    for i in range(30, 200):
        memory.put(frame(i, n))
        stats = memory.stats()
        assert sum(used for _, used in stats.rungs) <= max_bytes + 3 * rungs * ROW
        waiting = BLOCK + n
        assert stats.tokens_stored <= max(window, n) + n + waiting
        index_and_table = 24_000 + 0.2 * max_bytes  # room that is taken at once, and each block's
        assert stats.archive_bytes <= max_bytes + index_and_table + 3 * rungs * ROW


def test_each_rung_covers_about_twice_the_time_a_block_with_half_of_the_tokens_a_frame() -> None:
    memory = read(fading(30, 4), [frame(i) for i in range(450)])
    rungs = held(memory)
    assert [len(rung) > 1 for rung in rungs] == [True] * 4
    for k, rung in enumerate(rungs):
        assert all(len(frames) == BLOCK for frames, _ in rung)  # the same bytes for each
        starts = [float(time[0]) for _, time in rung]
        span = np.mean([b - a for a, b in pairwise(starts)])
        assert span == pytest.approx(2 * 2**k, rel=0.15)
        frames = 1 + int(rung[-1][0][-1]) - int(rung[0][0][0])
        assert len(rung) * BLOCK / frames == pytest.approx(4 / 2**k, rel=0.15)


def test_only_what_is_older_than_the_last_rung_is_forgotten() -> None:
    """All that is held is one stretch of time: an older one is on a later rung, with no gap."""
    policy = fading(4, 3)
    memory = read(policy, [text()])
    oldest = 0.0
    for i in range(300):
        memory.put(frame(i))
        blocks = [block for rung in reversed(held(memory)) for block in rung]
        times = [float(t) for _, time in blocks for t in time]
        assert times == sorted(times)
        if not times:
            continue
        assert times[0] >= oldest
        rungs = memory.stats().rungs
        assert times[0] <= 8 or rungs[-1][0] >= 1
        oldest = times[0]
        for a, b in pairwise(times):
            assert b - a <= 2 * 2 ** len(rungs)
    assert oldest > 100


@given(st.integers(0, 3), st.integers(1, 6), st.integers(1, 60), st.booleans())
@settings(max_examples=20, deadline=None)
def test_sinks_and_window_are_always_seen_around_what_is_recalled(
    sinks: int, window: int, count: int, opening: bool
) -> None:
    before = [text()] if opening else []
    policy = fading(3, 2, sinks=sinks, window_tokens=4 * window, tokens=16)
    frames = [frame(i) for i in range(count)]
    snapshot = read(policy, [*before, *frames]).snapshot()
    head = frames[: min(sinks, count)]
    tail = frames[max(len(head), count - window) :]
    for layer, found in enumerate(seen(snapshot, question())):
        h = 3 * opening + 4 * len(head)
        t = 4 * len(tail)
        assert torch.equal(
            found.keys[:, :h],
            torch.cat([f.keys[layer] for f in (*before, *head, frames[0])], 1)[:, :h],
        )
        if tail:
            assert torch.equal(found.keys[:, -t:], torch.cat([f.keys[layer] for f in tail], 1))
        between = found.keys[:, h : found.keys.shape[1] - t]
        assert between.shape[1] <= 16 + BLOCK  # what is recalled, and frames that fill no block yet
        whole = torch.cat([f.keys[layer] for f in frames], 1)
        at = [
            int((whole == between[:, j : j + 1]).all(2).all(0).nonzero()[0, 0])
            for j in range(between.shape[1])
        ]
        assert at == sorted(set(at))
        assert found.positions == [sorted(set(found.positions[0]))]


@pytest.mark.parametrize("tokens", [40, 100, 10_000])
def test_bounded_the_window_what_waits_and_the_blocks_share_the_bytes(tokens: int) -> None:
    policy = Longwatch(thinning=None, codec=EXACT).bounded(tokens * TOKEN, TOKEN)
    assert policy.max_bytes is not None
    assert policy.window_tokens == min(4096, tokens // 4)
    assert policy.sealing.least_tokens == min(48, max(8, tokens // 4))
    at_hand = policy.window_tokens + policy.sealing.least_tokens
    assert at_hand * TOKEN + policy.max_bytes == tokens * TOKEN


@pytest.mark.parametrize("tokens", [60, 200])
def test_bounded_a_stream_holds_no_more_whatever_its_length(tokens: int) -> None:
    policy = Longwatch(codec=EXACT).bounded(tokens * TOKEN, TOKEN)
    memory = read(policy, [text()])
    for i in range(150):
        memory.put(frame(i))
        stats = memory.stats()
        blocks = sum(used for _, used in stats.rungs)
        assert stats.device_bytes + blocks <= tokens * TOKEN + len(text()) * TOKEN


@pytest.mark.parametrize(
    "wrong", [{"rungs": 1}, {"fresh": 0.0}, {"fresh": 1.0}, {"window_tokens": 0}, {"sinks": -1}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Longwatch(**wrong)


def test_without_a_limit_nothing_is_forgotten() -> None:
    policy = Longwatch(window_tokens=8, sinks=0, thinning=None, block_tokens=8, max_bytes=None)
    memory = read(policy, [frame(i) for i in range(100)])
    assert memory.stats().sealed_tokens + memory.stats().tokens_stored == 400
    assert len(memory.stats().rungs) == 1
