"""STC's pruner, against its formula token by token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from longwatch.compressors.stc import Stc
from tests.compressors.clips import Clip, make, run

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


def oracle(frames: list[VisualTokens], share: float) -> list[int]:
    """Return the indices kept of the last frame."""
    x = frames[-1].embeds.double()
    channels = sorted(range(x.shape[1]), key=lambda c: float(x[:, c].var(correction=0)))
    half = x[:, sorted(channels[: x.shape[1] // 2])]
    features = half / half.norm(dim=1, keepdim=True)
    anchors = [features.mean(0)]
    if len(frames) > 1:
        past = torch.stack([t.embeds.double().mean(0) for t in frames[:-1]]).mean(0)
        past = past[sorted(channels[: x.shape[1] // 2])]
        anchors.append(past / past.norm())
    scores = [
        sum(
            math.exp(-float((f - m).square().sum()) / (2 * 2.0**e))
            for m in anchors
            for e in range(-3, 2)
        )
        for f in features
    ]
    return sorted(sorted(range(len(x)), key=scores.__getitem__)[: int(share * len(x) + 1e-6)])


def test_sixty_of_196_stay_of_every_frame() -> None:
    assert [len(t) for t in run(Stc(), make(Clip(grid=(14, 14))))] == [60] * 4


def test_the_tokens_that_the_formula_names_stay() -> None:
    frames = make(Clip(frames=5, grid=(7, 6), width=17, seed=3))
    for count, kept in enumerate(run(Stc(1 / 3), frames), start=1):
        cells = (kept.positions[1] * 6 + kept.positions[2]).tolist()
        assert cells == oracle(frames[:count], 1 / 3)


def test_what_stands_out_of_the_frame_stays() -> None:
    tokens = make(Clip(kind="twins", grid=(6, 6)))[0]
    tokens.embeds[17] = -tokens.embeds[17]
    kept = run(Stc(1 / 36), [tokens])[0]
    assert kept.positions[1:, 0].tolist() == [2, 5]
