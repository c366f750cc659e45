"""VisionZip, against a loop."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.similarity import spread
from longwatch.compressors.visionzip import VisionZip
from longwatch.errors import ConfigError
from tests.compressors.clips import tokens_of


@given(k=st.integers(1, 24), contextual=st.sampled_from([0, 0.16, 0.5, 0.9]), seed=st.integers(0))
@settings(max_examples=40, deadline=None)
def test_salient_tokens_stay_and_the_rest_joins_its_like(
    k: int, contextual: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed % 2**32)
    x, salient = torch.randn(24, 6, generator=random), torch.rand(24, generator=random)
    targets = round(k * contextual)
    dominant = sorted(range(24), key=lambda i: -salient[i])[: k - targets]
    rest = [i for i in range(24) if i not in dominant]
    centres = [rest[i] for i in spread(len(rest), targets, x.device).tolist()]
    groups = {i: [i] for i in [*dominant, *centres]}
    rows = functional.normalize(x, dim=1)
    for i in rest:
        if centres and i not in centres:
            groups[max(centres, key=lambda c: float(rows[i] @ rows[c]))].append(i)
    expected = torch.stack([x[groups[i]].mean(0) for i in sorted(groups)])

    tokens = replace(tokens_of(x, (4, 6)), saliency=salient)
    found = VisionZip(keep=k / 24, contextual=contextual).compress(tokens, None)[0]
    assert (found.positions[1] * 6 + found.positions[2]).tolist() == sorted(groups)
    torch.testing.assert_close(found.embeds, expected)


def test_a_tower_without_attention_shows_what_is_unlike_the_rest() -> None:
    x = torch.ones(16, 4)
    x[5] = torch.tensor([1.0, -1, 1, -1])
    kept = VisionZip(keep=1 / 16).compress(tokens_of(x, (4, 4)), None)[0]
    assert torch.equal(kept.embeds, x[5:6])


@pytest.mark.parametrize("contextual", [-0.1, 1])
def test_a_share_outside_its_range_is_refused(contextual: float) -> None:
    with pytest.raises(ConfigError, match="contextual"):
        VisionZip(contextual=contextual)
