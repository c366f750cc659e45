"""FrameFusion, against the published rule and against what its streaming form promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.framefusion import FrameFusion
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of


@given(seed=st.integers(0, 1000), alike=st.sampled_from([-0.5, 0.0, 0.6, 0.99]))
@settings(max_examples=30, deadline=None)
def test_without_a_ceiling_what_repeats_the_frame_before_goes(seed: int, alike: float) -> None:
    clip = make(Clip(frames=6, grid=(4, 5), seed=seed, width=3))
    for t, kept in enumerate(run(FrameFusion(keep=1, alike=alike), clip)):
        expected = torch.arange(20)
        if t:
            close = functional.cosine_similarity(clip[t].embeds, clip[t - 1].embeds)
            expected = (close <= alike).nonzero()[:, 0]
            if not len(expected):
                expected = close.argmin()[None]
        assert torch.equal(kept.embeds, clip[t].embeds[expected])


def test_of_what_is_new_the_salient_stays() -> None:
    tokens = make(Clip(grid=(4, 4), saliency=True))[0]
    assert tokens.saliency is not None
    kept = run(FrameFusion(keep=0.25), [tokens])[0]
    assert kept.saliency is not None
    assert kept.saliency.sort().values.tolist() == tokens.saliency.sort().values[-4:].tolist()


def test_a_still_picture_is_told_in_whole_and_once() -> None:
    clip = make(Clip(frames=12, grid=(4, 4), kind="static"))
    told = [kept.positions[1:].T.tolist() for kept in run(FrameFusion(keep=0.25), clip)]
    assert sorted(sum(told[:4], [])) == clip[0].positions[1:].T.tolist()  # noqa: RUF017
    assert [len(t) for t in told[4:]] == [1] * 8


def test_a_cell_that_changes_is_told_again() -> None:
    x = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[7] = -x[7]
    clip = [tokens_of(e, (4, 4)) for e in (x, x, changed, changed, x)]
    assert [len(kept) for kept in run(FrameFusion(keep=1), clip)] == [16, 1, 1, 1, 1]
    kept = run(FrameFusion(keep=1), clip)
    assert torch.equal(kept[2].embeds, changed[7:8])
    assert torch.equal(kept[4].embeds, x[7:8])


def test_a_cosine_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="alike"):
        FrameFusion(alike=1.5)
