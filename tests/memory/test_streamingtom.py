"""StreamingTOM's memory against its own definition: four-bit groups, found by cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity

from longwatch.memory import StreamingTOM
from tests.memory.parts import HEADS, H, frame, question, read, seen, text

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = [frame(i) for i in range(14)]
GROUP = 8  # two frames


def candidates(layer: int, at_hand: int) -> list[tuple[Tensor, Tensor]]:
    """Return keys and values, (h, n, d), of all groups, and of each frame that is at hand.

    `at_hand` frames are in the window; one more is not in a group where those before it are odd.
    """
    gone = len(FRAMES) - at_hand
    parts = [FRAMES[i : i + 2] for i in range(0, gone - 1, 2)]
    parts += [[each] for each in FRAMES[gone // 2 * 2 :]]
    return [
        tuple(torch.cat([getattr(f, name)[layer] for f in part], 1) for name in ("keys", "values"))  # type: ignore[misc]
        for part in parts
    ]


@given(
    window=st.integers(1, 14),
    tokens=st.integers(1, 120),
    seed=st.integers(0, 99),
    opening=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_each_layer_sees_the_text_and_its_best_groups_in_the_order_of_time(
    window: int, tokens: int, seed: int, opening: bool
) -> None:
    before = [text()] if opening else []
    policy = StreamingTOM(window_tokens=4 * window, group_tokens=GROUP, tokens=tokens)
    snapshot = read(policy, [*before, *FRAMES]).snapshot()
    for layer, found in enumerate(seen(snapshot, question(seed))):
        query = question(seed)[layer].mean(1).flatten()
        parts = candidates(layer, window)
        scores = [
            float(cosine_similarity(k.repeat_interleave(HEADS // H, 0).mean(1).flatten(), query, 0))
            for k, _ in parts
        ]
        # Candidates count as groups, those of single frames too, once there is a group.
        count = max(1, tokens // (GROUP if window < len(FRAMES) - 1 else 4))
        best = sorted(sorted(range(len(parts)), key=lambda i: -scores[i])[:count])
        start = 3 * opening
        for i in best:
            close(found.keys[:, start:], parts[i][0])
            close(found.values[:, start:], parts[i][1])
            start += parts[i][0].shape[1]
        assert found.keys.shape[1] == start
        assert found.positions == [list(range(start))]


def close(stored: Tensor, original: Tensor) -> None:
    """Check that a number is off by half a step of its channel in its group, or is exact."""
    n = original.shape[1]
    low, high = original.amin(1, keepdim=True), original.amax(1, keepdim=True)
    # The scale and the minimum are rounded to fp16.
    step = (high - low) / 15 / 2 + 2e-3 * original.abs().amax()
    assert ((stored[:, :n] - original).abs() <= step).all()


def test_a_group_has_sixteen_steps_a_channel_and_the_window_is_exact() -> None:
    policy = StreamingTOM(window_tokens=16, group_tokens=40, tokens=1000)
    memory = read(policy, FRAMES)
    for layer, found in enumerate(seen(memory.snapshot(), question())):
        for x, name in ((found.keys, "keys"), (found.values, "values")):
            group = x[:, :40]
            levels = [len(column.unique()) for head in group for column in head.T]
            assert 8 < max(levels) <= 16
            exact = torch.cat([getattr(f, name)[layer] for f in FRAMES[10:]], 1)
            assert torch.equal(x[:, 40:], exact)
    assert memory.archive is not None
    ((count, used),) = memory.archive.rungs()
    assert count == 1
    # Half a byte a number, and a scale and a minimum in fp16 for each channel of keys and values.
    assert used == 2 * (2 * H * 8) * (40 // 2 + 2 * 2)


@pytest.mark.parametrize("tokens", [1, 7, 8, 17, 24])
def test_no_more_groups_are_seen_than_the_budget_has_room_for(tokens: int) -> None:
    policy = StreamingTOM(window_tokens=8, group_tokens=GROUP, tokens=tokens)
    for found in seen(read(policy, FRAMES).snapshot(), question()):
        assert found.keys.shape[1] <= max(tokens, GROUP)
