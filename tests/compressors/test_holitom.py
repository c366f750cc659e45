"""HoliTom's windows and what they tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from longwatch.compressors.holitom import HoliTom
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of


def still(frames: int) -> list[torch.Tensor]:
    x = torch.randn(25, 16, generator=torch.Generator().manual_seed(0))
    return [x.clone() for _ in range(frames)]


def test_a_still_window_is_told_once() -> None:
    clip = [tokens_of(x, (5, 5)) for x in still(9)]
    counts = [len(kept) for kept in run(HoliTom(keep=0.4, longest=4), clip)]
    assert counts == [10, 1, 1, 1] * 2 + [10]


def test_a_window_goes_on_as_long_as_that_saves_more() -> None:
    """After l frames with s static cells, t of which stay static, it must be t l > s (l - 1)."""
    pictures = still(4)
    for picture in pictures[3:]:
        picture[:9] *= -1  # of 25: 16 * 3 = 48 against 25 * 2 = 50
    clip = [tokens_of(x, (5, 5)) for x in pictures]
    assert [len(k) for k in run(HoliTom(keep=1), clip)] == [25, 1, 1, 25]
    pictures[3][8] *= -1  # 17 * 3 = 51
    assert [len(k) for k in run(HoliTom(keep=1), clip)] == [25, 1, 1, 8]


def test_a_cell_that_was_dynamic_in_a_window_stays_so() -> None:
    pictures = still(4)
    pictures[1][6] *= -1
    clip = [tokens_of(x, (5, 5)) for x in pictures]
    kept = run(HoliTom(keep=1), clip)
    assert [len(k) for k in kept] == [25, 1, 1, 1]
    assert [torch.equal(k.embeds, x[6:7]) for k, x in zip(kept[1:], pictures[1:], strict=True)] == [
        True
    ] * 3


def test_of_dynamic_cells_the_salient_stay() -> None:
    pictures = still(2)
    pictures[1][[1, 2, 3, 4]] *= -1
    first, second = (tokens_of(x, (5, 5)) for x in pictures)
    second = replace(second, saliency=torch.arange(25.0))
    kept = run(HoliTom(keep=2 / 25), [first, second])[1]
    assert torch.equal(kept.embeds, pictures[1][[3, 4]])


def test_noise_is_told_frame_by_frame() -> None:
    clip = make(Clip(frames=4, grid=(5, 5), width=64))
    assert [len(kept) for kept in run(HoliTom(keep=0.4), clip)] == [10] * 4


@pytest.mark.parametrize("wrong", [{"static": 2}, {"own": 1.5}, {"neighbours": 0}, {"longest": 0}])
def test_settings_outside_their_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        HoliTom(**wrong)
