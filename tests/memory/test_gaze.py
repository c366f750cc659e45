"""Where a token looked, against attention that is written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.memory import Full, InfiniPotV, LiveVLM, Longwatch, ReKV, StreamingTOM, Window
from longwatch.memory.gaze import Gaze
from longwatch.models.base import Turn
from tests.support import tiny

if TYPE_CHECKING:
    from longwatch.memory.base import Policy

POLICIES: list[Policy] = [
    Full(),
    Window(tokens=40),
    ReKV(window_tokens=40),
    StreamingTOM(window_tokens=40, group_tokens=16),
    LiveVLM(tokens=60, clip=4),
    InfiniPotV(tokens=80),
    Longwatch(window_tokens=40, block_tokens=16, thinning=None, tokens=64),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@torch.inference_mode()
def test_shares_are_those_of_the_softmax_and_belong_to_frames_that_are_seen(policy: Policy) -> None:
    model = tiny.TinyVideoLM()
    times = [float(i) for i in range(40)]
    snapshot = tiny.remember(model, policy, times)
    ids = model.prompt_ids([Turn("user", "what is there?")])
    context = snapshot.context(model.decoder.rope, room=len(ids))
    model.read_text(ids, context)
    assert context.gaze is not None
    shares = context.gaze.frames(context)
    assert set(shares) <= set(times)
    assert all(share >= 0 for share in shares.values())
    assert 0 < sum(shares.values()) < 1  # the question itself has the rest
    for layer in range(model.decoder.layers):
        assert len(context.times(layer)) + len(ids) == context.keys(layer).shape[1]
    one = context.gaze.frames(context, {1: [0]})
    other = context.gaze.frames(context, {1: [1]})
    both = context.gaze.frames(context, {1: [0, 1]})
    for time, share in both.items():
        assert share == pytest.approx((one.get(time, 0.0) + other.get(time, 0.0)) / 2, abs=1e-6)


def test_the_share_of_a_frame_is_the_sum_over_its_tokens() -> None:
    class Stub:
        def keys(self, _: int) -> torch.Tensor:
            return seen

        def times(self, _: int) -> object:
            return torch.tensor([float("nan"), 1.0, 1.0, 2.0]).double().numpy()

    torch.manual_seed(0)
    seen = torch.randn(2, 6, 8)
    query = torch.randn(4, 3, 8)
    gaze = Gaze()
    gaze.note(0, query, 0.5, 6)
    last = query[:, -1].reshape(2, 2, 8)
    mass = torch.softmax(torch.einsum("hgd,hmd->hgm", last, seen) * 0.5, -1).reshape(4, 6).mean(0)
    found = gaze.frames(Stub())  # type: ignore[arg-type]
    assert found == {
        1.0: pytest.approx(float(mass[1] + mass[2]), rel=1e-5),
        2.0: pytest.approx(float(mass[3]), rel=1e-5),
    }
