"""Cutting a frame's tokens and joining them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from longwatch.compressors.parts import cut, join
from tests.compressors.clips import Clip, make


@pytest.mark.parametrize("whole", [0, 1, 2, 9])
@pytest.mark.parametrize("saliency", [True, False])
def test_what_was_cut_is_joined_to_the_same(whole: int, saliency: bool) -> None:
    tokens = replace(make(Clip(saliency=saliency))[0], summary=whole)
    again = join(cut(tokens, 0, whole), cut(tokens, whole, 9))
    assert again.summary == whole
    assert torch.equal(again.embeds, tokens.embeds)
    assert torch.equal(again.positions, tokens.positions)
    assert all(map(torch.equal, again.extras, tokens.extras))
    assert (again.saliency is None) == (not saliency)


def test_the_cells_have_no_summary_and_the_front_is_one() -> None:
    tokens = replace(make(Clip())[0], summary=2)
    assert cut(tokens, 2, 9).summary == 0
    assert cut(tokens, 0, 2).summary == 2
    assert cut(tokens, 0, 1).summary == 1
    assert tokens.select(torch.tensor([1, 4])).summary == 1
