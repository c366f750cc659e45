"""Entropy of the ten likeliest words."""

from __future__ import annotations

import math

import pytest
import torch

from longwatch.serve.answers.reader import TOP, next_token_entropy


def test_it_is_nothing_for_one_word_and_most_for_ten_alike() -> None:
    logits = torch.full((50,), -1e9)
    logits[3] = 5.0
    assert next_token_entropy(logits) == pytest.approx(0.0)
    assert next_token_entropy(torch.zeros(50)) == pytest.approx(math.log(TOP))
    assert next_token_entropy(torch.zeros(4)) == pytest.approx(math.log(4))
    assert next_token_entropy(torch.full((1,), 2.0)) == 0.0


def test_it_is_that_of_the_likeliest_ten_among_themselves() -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(0))
    best = sorted((math.exp(x) for x in logits.tolist()), reverse=True)[:TOP]
    p = [x / sum(best) for x in best]
    assert next_token_entropy(logits) == pytest.approx(-sum(x * math.log(x) for x in p), rel=1e-5)
