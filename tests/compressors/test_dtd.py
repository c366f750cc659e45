"""DTD: what did not change is dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from longwatch.compressors.dtd import Dtd
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run


def cells(kept: Any) -> list[int]:
    return (kept.positions[1] * kept.grid[1] + kept.positions[2]).tolist()  # type: ignore[no-any-return]


def test_a_first_frame_is_whole_and_then_only_changes_are() -> None:
    frames = make(Clip(frames=3, kind="static"))
    changed = frames[1].embeds.clone()
    changed[4] = -changed[4]
    frames[1] = replace(frames[1], embeds=changed)
    kept = run(Dtd(), frames)
    assert [cells(t) for t in kept] == [list(range(9)), [4], [4]]


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.25, 0.5, 0.7])
def test_exactly_the_tokens_above_the_threshold_go(threshold: float) -> None:
    first, second = make(Clip(frames=2, grid=(14, 14)))
    alike = torch.cosine_similarity(first.embeds, second.embeds)
    kept = run(Dtd(threshold=threshold), [first, second])[1]
    assert cells(kept) == (alike <= threshold).nonzero()[:, 0].tolist()


def test_a_frame_that_did_not_change_keeps_one_token() -> None:
    assert [len(t) for t in run(Dtd(), make(Clip(kind="static")))] == [9, 1, 1, 1]


def test_at_a_share_the_most_changed_tokens_stay() -> None:
    first, second = make(Clip(frames=2, grid=(14, 14)))
    alike = torch.cosine_similarity(first.embeds, second.embeds)
    kept = run(Dtd().at(1 / 4), [first, second])
    assert cells(kept[1]) == sorted(alike.argsort()[:49].tolist())
    assert [len(t) for t in kept] == [49, 49]


def test_a_ceiling_cuts_the_least_changed_tokens_off() -> None:
    first, second = make(Clip(frames=2, grid=(14, 14)))
    alike = torch.cosine_similarity(first.embeds, second.embeds)
    kept = run(Dtd(keep=0.1, threshold=0.9), [first, second])[1]
    assert cells(kept) == sorted(alike.argsort()[:19].tolist())


def test_by_pixel_the_picture_under_a_token_decides() -> None:
    first, second = make(Clip(frames=2, grid=(3, 4)))
    dark = np.zeros((48, 64, 3), np.uint8)
    light = dark.copy()
    light[16:32, 48:] = 51  # a fifth, over the whole of row 1, column 3
    light[:16, 16:32] = 20  # less than a tenth
    frames = [replace(first, image=dark), replace(second, image=light)]
    assert cells(run(Dtd(by="pixel"), frames)[1]) == [7]
    assert cells(run(Dtd(by="pixel", pixel_threshold=0.05), frames)[1]) == [1, 7]
    assert cells(run(Dtd(by="pixel").at(2 / 12), frames)[1]) == [1, 7]


def test_by_pixel_the_size_of_the_picture_may_be_any() -> None:
    for size in [(5, 5), (7, 200), (480, 640)]:
        image = np.full((*size, 3), 9, np.uint8)
        frames = [replace(t, image=image) for t in make(Clip(frames=2, grid=(3, 4)))]
        assert [len(t) for t in run(Dtd(by="pixel"), frames)] == [12, 1]


def test_by_pixel_a_picture_is_needed() -> None:
    tokens = replace(make(Clip())[0], image=None)
    with pytest.raises(ConfigError, match="by='feature'"):
        Dtd(by="pixel").compress(tokens, None)


@pytest.mark.parametrize(
    "wrong", [{"by": "colour"}, {"threshold": 2.0}, {"pixel_threshold": -1.0}, {"keep": 2.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Dtd(**wrong)
