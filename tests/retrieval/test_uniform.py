"""How evenly blocks are spread."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.retrieval.uniform import Uniform


@given(count=st.integers(1, 300), k=st.integers(1, 300))
def test_gaps_differ_by_one_at_most_and_the_ends_get_half_of_one(count: int, k: int) -> None:
    index = Uniform(1)
    index.add(range(count), torch.zeros(count, 1, 1))
    ids = index.search(torch.ones(1, 1), k).ids
    gaps = np.diff(ids)
    assert len(ids) == min(count, k)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1
    assert abs(ids[0] - (count - 1 - ids[-1])) <= 1


def test_it_spreads_over_the_allowed_blocks_only() -> None:
    index = Uniform(1)
    index.add(range(100), torch.zeros(100, 1, 1))
    allowed = np.arange(100) % 10 == 3
    assert index.search(torch.ones(1, 1), 2, allowed).ids == (23, 73)
