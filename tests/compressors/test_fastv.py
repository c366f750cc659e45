"""FastV, against what its paper says."""

from __future__ import annotations

import pytest
import torch

from longwatch.compressors import FastV
from longwatch.compressors.pruner import Look
from longwatch.errors import ConfigError


def test_half_of_the_tokens_go_after_the_second_layer_as_published() -> None:
    assert FastV().stages(32) == {1: 0.5}
    assert FastV(layer=5, keep=0.25).stages(40) == {4: 0.25}


def test_those_stay_that_the_last_token_looks_at_most() -> None:
    attention = torch.tensor([[0.9, 0.0, 0.0, 0.0], [0.1, 0.4, 0.2, 0.3]])
    left = FastV().prune(Look(attention, torch.arange(8.0).reshape(4, 2)), 2)
    assert left.kept.tolist() == [1, 3]
    assert left.hidden.tolist() == [[2.0, 3.0], [6.0, 7.0]]


def test_a_layer_below_the_first_is_refused() -> None:
    with pytest.raises(ConfigError, match="layer"):
        FastV(layer=0)
