"""PruMerge, against a loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.prumerge import PruMerge
from longwatch.errors import ConfigError
from tests.compressors.clips import tokens_of

if TYPE_CHECKING:
    from longwatch.types import VisualTokens

quick = settings(max_examples=40, deadline=None)


def frame(seed: int, bright: int) -> VisualTokens:
    """Return 5 x 5 tokens of which `bright` are far more salient than the others."""
    random = torch.Generator().manual_seed(seed)
    salient = 0.5 + 0.1 * torch.rand(25, generator=random)
    salient[torch.randperm(25, generator=random)[:bright]] += 3 + torch.arange(bright)
    return replace(tokens_of(torch.randn(25, 6, generator=random), (5, 5)), saliency=salient)


def places(tokens: VisualTokens) -> list[int]:
    return (tokens.positions[1] * 5 + tokens.positions[2]).tolist()


@given(seed=st.integers(0, 10_000), bright=st.integers(1, 5))
@quick
def test_without_plus_the_outliers_stay(seed: int, bright: int) -> None:
    tokens = frame(seed, bright)
    assert tokens.saliency is not None
    values = tokens.saliency.numpy()
    low, high = np.quantile(values, [0.25, 0.75])
    expected = np.flatnonzero(values > high + 1.5 * (high - low)).tolist()
    assert places(PruMerge(keep=0.4, plus=False).compress(tokens, None)[0]) == expected


@given(seed=st.integers(0, 10_000), bright=st.integers(0, 5), k=st.integers(1, 25))
@quick
def test_with_plus_the_budget_is_used_and_holds_the_outliers(
    seed: int, bright: int, k: int
) -> None:
    tokens = frame(seed, bright)
    assert tokens.saliency is not None
    kept = places(PruMerge(keep=k / 25).compress(tokens, None)[0])
    salient = tokens.saliency.argsort(descending=True)[: min(k, bright)]
    assert len(kept) == k
    assert set(salient.tolist()) <= set(kept)


@given(seed=st.integers(0, 10_000), neighbours=st.integers(0, 30))
@quick
def test_what_stays_takes_its_nearest_in_by_their_saliency(seed: int, neighbours: int) -> None:
    tokens = frame(seed, 3)
    salient, x = tokens.saliency, tokens.embeds
    assert salient is not None
    rows = functional.normalize(x, dim=1)
    found = PruMerge(keep=0.3, neighbours=neighbours).compress(tokens, None)[0]
    kept = places(found)
    for place, embeds in zip(kept, found.embeds, strict=True):
        others = sorted((i for i in range(25) if i != place), key=lambda i: -rows[i] @ rows[place])
        members = [place, *(i for i in others[:neighbours] if i not in kept)]
        expected = (salient[members, None] * x[members]).sum(0) / salient[members].sum()
        torch.testing.assert_close(embeds, expected)


def test_negative_neighbours_are_refused() -> None:
    with pytest.raises(ConfigError, match="neighbours"):
        PruMerge(neighbours=-1)
