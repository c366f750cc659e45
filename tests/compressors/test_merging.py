"""Merging, against a loop."""

from __future__ import annotations

import torch

from longwatch.compressors.merging import centre_weights, combine, mean_weights
from tests.compressors.clips import Clip, make


def test_a_merged_token_is_the_mean_of_its_group_at_its_centre() -> None:
    tokens = make(Clip(saliency=True))[0]
    owner = torch.tensor([0, 0, 1, -1, 1, 1, 2, 2, 0])
    merged = combine(tokens, torch.tensor([0, 4, 7]), mean_weights(owner, 3))
    assert tokens.saliency is not None
    assert merged.saliency is not None
    for group, members in enumerate([[0, 1, 8], [2, 4, 5], [6, 7]]):
        torch.testing.assert_close(merged.embeds[group], tokens.embeds[members].mean(0))
        torch.testing.assert_close(merged.extras[1][group], 2 * tokens.embeds[members].mean(0))
        torch.testing.assert_close(merged.saliency[group], tokens.saliency[members].mean())
    assert torch.equal(merged.positions, tokens.positions[:, [0, 4, 7]])


def test_a_group_of_one_is_its_token_bit_by_bit() -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        tokens = make(Clip(dtype=dtype))[0]
        every = torch.arange(9)
        assert torch.equal(combine(tokens, every, mean_weights(every, 9)).embeds, tokens.embeds)


def test_an_empty_group_weighs_nothing() -> None:
    assert mean_weights(torch.tensor([0, 0]), 2).tolist() == [[0.5, 0.5], [0.0, 0.0]]


def test_a_centre_keeps_its_own_share_and_those_that_joined_it_have_the_rest() -> None:
    owner = torch.tensor([0, 1, 0, 0, -1])
    weights = centre_weights(owner, torch.tensor([0, 1]), 0.6)
    torch.testing.assert_close(weights, torch.tensor([[0.6, 0, 0.2, 0.2, 0], [0, 1.0, 0, 0, 0]]))
    assert centre_weights(owner, torch.tensor([0, 1]), 1.0).sum(1).tolist() == [1, 1]
