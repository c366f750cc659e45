"""ReKV against its own definition: the best frames of all, a mean key each, in each layer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory import ReKV
from tests.memory.parts import HEADS, TOKEN, H, frame, question, read, seen, text

FRAMES = [frame(i) for i in range(12)]


def best(layer: int, seed: int, count: int, frames: int) -> list[int]:
    """Return the `count` frames whose mean key has the largest product with the mean query.

    As the paper writes it: keys are repeated for the heads that share them.
    """
    query = question(seed)[layer].mean(1).flatten()
    scores = []
    for each in FRAMES[:frames]:
        keys = each.keys[layer].repeat_interleave(HEADS // H, 0)
        scores.append(float(keys.mean(1).flatten() @ query))
    return sorted(sorted(range(frames), key=lambda i: -scores[i])[:count])


@given(
    window=st.integers(1, 40),
    k=st.integers(1, 13),
    seed=st.integers(0, 99),
    opening=st.booleans(),
    frames=st.integers(1, 12),
)
@settings(max_examples=40, deadline=None)
def test_each_layer_sees_the_text_and_its_best_frames_in_the_order_of_time(
    window: int, k: int, seed: int, opening: bool, frames: int
) -> None:
    """Frames in the window are candidates like the others, and are not there by themselves."""
    before = [text()] if opening else []
    memory = read(ReKV(window_tokens=window, frames=k), [*before, *FRAMES[:frames]])
    for layer, found in enumerate(seen(memory.snapshot(), question(seed))):
        chosen = [FRAMES[i] for i in best(layer, seed, k, frames)]
        assert found.same([*before, *chosen], layer)
        assert found.positions == [list(range(3 * opening + 4 * len(chosen)))]


def test_the_newest_frame_is_not_seen_where_it_does_not_score() -> None:
    memory = read(ReKV(window_tokens=8, frames=1), FRAMES)
    missing = 0
    for seed in range(5):
        layers = seen(memory.snapshot(), question(seed))
        missing += sum(not found.same([FRAMES[-1]], i) for i, found in enumerate(layers))
    assert missing > 4


def test_what_left_the_window_is_stored_in_fp16() -> None:
    odd = [frame(i) for i in range(6)]
    for each in odd:
        for x in (*each.keys, *each.values):
            x.mul_(1 / 3)
    memory = read(ReKV(window_tokens=8), odd)
    for layer, found in enumerate(seen(memory.snapshot(), question())):
        keys = torch.cat([f.keys[layer] for f in odd], 1)
        assert torch.equal(found.keys[:, :16], keys[:, :16].half().float())
        assert not torch.equal(found.keys[:, :16], keys[:, :16])
        assert torch.equal(found.keys[:, 16:], keys[:, 16:])
    assert memory.archive is not None
    (rung,) = memory.archive.rungs()
    assert rung == (4, 16 * TOKEN // 2)


@pytest.mark.parametrize("frames", [12, 60])
def test_bounded_it_forgets_the_oldest_and_stays_within_its_bytes(frames: int) -> None:
    policy = ReKV(window_tokens=1000).bounded(24 * TOKEN, TOKEN)
    memory = read(policy, [frame(i) for i in range(frames)])
    (tokens,) = {found.keys.shape[1] for found in seen(memory.snapshot(), question())}
    assert memory.archive is not None
    assert memory.stats().device_bytes + memory.archive.rungs()[0][1] <= 24 * TOKEN
    assert tokens < 4 * frames
    assert memory.stats().newest_time == frames - 1.0


def test_no_frame_to_see_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        ReKV(frames=0)
