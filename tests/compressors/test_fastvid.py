"""FastVID's anchors and what they stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from longwatch.compressors.density import density_peaks
from longwatch.compressors.fastvid import NEIGHBOURS, FastVid
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of


def test_an_anchor_holds_salient_tokens_and_peaks_of_the_others() -> None:
    tokens = make(Clip(grid=(5, 5), saliency=True))[0]
    assert tokens.saliency is not None
    kept = run(FastVid(keep=0.4, context=0.4, own=0.6), [tokens])[0]
    salient = tokens.saliency.argsort(descending=True)[:6].tolist()
    others = torch.tensor([i for i in range(25) if i not in salient])
    centres, owner = density_peaks(tokens.embeds[others], 4, NEIGHBOURS)
    expected = {i: tokens.embeds[i] for i in salient}
    for group, centre in enumerate(centres.tolist()):
        joined = [i for i in (owner == group).nonzero()[:, 0].tolist() if i != centre]
        peak = tokens.embeds[others[centre]]
        if joined:
            peak = 0.6 * peak + 0.4 * tokens.embeds[others[joined]].mean(0)
        expected[int(others[centre])] = peak
    assert (kept.positions[1] * 5 + kept.positions[2]).tolist() == sorted(expected)
    torch.testing.assert_close(kept.embeds, torch.stack([expected[i] for i in sorted(expected)]))


def test_every_fourth_frame_of_a_segment_is_an_anchor() -> None:
    clip = make(Clip(frames=9, grid=(5, 5), kind="static"))
    counts = [len(kept) for kept in run(FastVid(keep=0.4), clip)]
    assert counts == [10, 6, 6, 6, 10, 6, 6, 6, 10]


def test_a_new_sight_begins_a_segment_with_an_anchor() -> None:
    x = torch.randn(25, 8, generator=torch.Generator().manual_seed(0)) + 1
    clip = [tokens_of(e, (5, 5)) for e in (x, x, -x, -x, x)]
    assert [len(kept) for kept in run(FastVid(keep=0.4), clip)] == [10, 6, 10, 6, 10]


def test_between_anchors_the_salient_stay() -> None:
    clip = make(Clip(frames=2, grid=(5, 5), kind="static"))
    salient = torch.zeros(25)
    salient[[2, 7, 11, 12, 20, 24]] = 1
    kept = run(FastVid(keep=0.4), [clip[0], replace(clip[1], saliency=salient)])[1]
    assert torch.equal(kept.embeds, clip[1].embeds[salient > 0])


@pytest.mark.parametrize("wrong", [{"cut": 2}, {"context": 1}, {"own": -1}, {"stride": 0}])
def test_settings_outside_their_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FastVid(**wrong)
