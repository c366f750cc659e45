"""DyCoke, against the published rule and against what its streaming form promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.dycoke import DyCoke
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of


@given(seed=st.integers(0, 1000), merged=st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9]))
@settings(max_examples=30, deadline=None)
def test_without_a_ceiling_it_is_the_published_rule(seed: int, merged: float) -> None:
    clip = make(Clip(frames=11, grid=(4, 5), seed=seed))
    k = max(1, int((1 - merged) * 20 + 1e-6))
    for t, kept in enumerate(run(DyCoke(merged=merged), clip)):
        earlier = {0: None, 1: t - 1, 2: t - 2, 3: t - 1}[t % 4]
        expected = torch.arange(20)
        if earlier is not None:
            alike = functional.cosine_similarity(clip[t].embeds, clip[earlier].embeds)
            expected = alike.argsort()[:k].sort().values
        assert torch.equal(kept.embeds, clip[t].embeds[expected])


def test_the_first_frame_of_four_is_whole() -> None:
    counts = [len(kept) for kept in run(DyCoke(), make(Clip(frames=9, grid=(5, 4))))]
    assert counts == [20, 6, 6, 6, 20, 6, 6, 6, 20]


def test_under_a_ceiling_a_group_tells_cells_that_it_has_not_told_before_others() -> None:
    clip = make(Clip(frames=4, grid=(4, 4), kind="static"))
    first, second, third, fourth = run(DyCoke(keep=0.25), clip)
    told = [set(map(tuple, kept.positions[1:].T.tolist())) for kept in (first, second)]
    assert not told[0] & told[1]
    third_told = set(map(tuple, third.positions[1:].T.tolist()))
    assert not told[0] & third_told
    assert not (told[0] | third_told) & set(map(tuple, fourth.positions[1:].T.tolist()))


def test_what_changed_is_kept() -> None:
    clip = make(Clip(frames=2, grid=(4, 4), kind="static"))
    changed = clip[1].embeds.clone()
    changed[[3, 9]] *= -1
    kept = run(DyCoke(merged=14 / 16), [clip[0], tokens_of(changed, (4, 4))])[1]
    assert torch.equal(kept.embeds, changed[[3, 9]])


@pytest.mark.parametrize("merged", [-0.1, 1])
def test_a_share_outside_its_range_is_refused(merged: float) -> None:
    with pytest.raises(ConfigError, match="merged"):
        DyCoke(merged=merged)
