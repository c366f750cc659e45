"""What stands out, with the tower's attention and without."""

from __future__ import annotations

from dataclasses import replace

import torch

from longwatch.compressors.saliency import saliency
from tests.compressors.clips import Clip, make, tokens_of


def test_the_towers_attention_is_taken_as_it_is() -> None:
    tokens = make(Clip())[0]
    given = torch.rand(9).to(torch.bfloat16)
    found = saliency(replace(tokens, saliency=given))
    assert found.dtype == torch.float32
    assert torch.equal(found, given.float())


def test_without_attention_it_is_the_distance_from_the_mean_at_length_one() -> None:
    tokens = make(Clip(grid=(4, 5)))[0]
    rows = torch.nn.functional.normalize(tokens.embeds, dim=1)
    torch.testing.assert_close(saliency(tokens), ((rows - rows.mean(0)) ** 2).sum(1))


def test_brightness_alone_does_not_stand_out() -> None:
    x = torch.ones(9, 4)
    x[3] *= 100
    x[7, 0] = -1
    assert int(saliency(tokens_of(x, (3, 3))).argmax()) == 7
