"""DART, against a loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.dart import Dart
from longwatch.errors import ConfigError
from tests.compressors.clips import tokens_of


@given(k=st.integers(1, 20), pivots=st.integers(1, 9), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_each_pivot_keeps_those_least_like_it(k: int, pivots: int, seed: int) -> None:
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(seed))
    rows = functional.normalize(x.double(), dim=1)
    alike = (rows @ rows.T).tolist()
    norms = x.abs().sum(1).tolist()
    first = sorted(range(20), key=lambda i: -norms[i])[: min(pivots, (k + 1) // 2)]
    kept = list(first)
    for number, pivot in enumerate(first):
        share = (k - len(first) + len(first) - 1 - number) // len(first)
        left = sorted((i for i in range(20) if i not in kept), key=lambda i: alike[pivot][i])
        kept += left[:share]
    method = Dart(keep=k / 20, pivots=pivots)
    found = method.compress(tokens_of(x, (4, 5)), None)[0]
    assert len(kept) == k
    assert torch.equal(found.embeds, x[sorted(kept)])


def test_no_pivot_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one pivot"):
        Dart(pivots=0)
