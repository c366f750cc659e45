"""CDPruner, against determinants."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors.cdpruner import CDPruner, likeliest
from tests.compressors.clips import Clip, make, tokens_of

quick = settings(max_examples=40, deadline=None)


def kernel_of(n: int, seed: int) -> torch.Tensor:
    """Return a kernel of full rank, with relevances."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(n, n + 4, generator=random), dim=1)
    rows = rows * (0.2 + torch.rand(n, 1, generator=random))
    return rows @ rows.T


def volume(kernel: torch.Tensor, chosen: list[int]) -> float:
    wide = kernel.double().numpy()
    return float(np.linalg.det(wide[np.ix_(chosen, chosen)]))


@given(n=st.integers(1, 24), seed=st.integers(0, 10_000), data=st.data())
@quick
def test_each_token_is_the_one_that_raises_the_determinant_most(
    n: int, seed: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, min(n, 10)))
    kernel = kernel_of(n, seed)
    chosen: list[int] = []
    for _ in range(k):
        left = [i for i in range(n) if i not in chosen]
        chosen.append(max(left, key=lambda i: volume(kernel, [*chosen, i])))
    assert likeliest(kernel, k).tolist() == sorted(chosen)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 4))
@quick
def test_the_determinant_is_near_the_best_there_is(seed: int, k: int) -> None:
    """Greedy reaches 1 / (k!)^2 of the largest determinant (Civril and Magdon-Ismail, 2009)."""
    kernel = kernel_of(9, seed)
    best = max(volume(kernel, list(chosen)) for chosen in combinations(range(9), k))
    bound = best / float(np.prod(np.arange(1, k + 1))) ** 2
    assert volume(kernel, likeliest(kernel, k).tolist()) >= bound - 1e-9


def test_what_lies_in_the_span_of_the_chosen_comes_last_and_in_order_of_relevance() -> None:
    x = torch.tensor([[1.0, 0], [2, 0], [0, 3], [1, 1], [0, 1], [2, 2]])
    tokens = replace(tokens_of(x, (2, 3)), saliency=torch.tensor([0.9, 1.0, 0.8, 0.1, 0.7, 0.0]))
    kept = CDPruner(keep=1 / 2).compress(tokens, None)[0]
    assert kept.positions[1:].T.tolist() == [[0, 0], [0, 1], [0, 2]]


def test_saliency_draws_the_choice_to_itself() -> None:
    tokens = make(Clip(grid=(6, 6), width=64))[0]
    wanted = torch.zeros(36)
    wanted[[3, 20, 21, 35]] = 1.0
    kept = CDPruner(keep=4 / 36).compress(replace(tokens, saliency=wanted), None)[0]
    assert (kept.positions[1] * 6 + kept.positions[2]).tolist() == [3, 20, 21, 35]


def test_equal_saliency_is_none() -> None:
    tokens = make(Clip(grid=(4, 4)))[0]
    method = CDPruner(keep=0.25)
    same = method.compress(replace(tokens, saliency=torch.full((16,), 0.3)), None)[0]
    assert torch.equal(same.embeds, method.compress(tokens, None)[0].embeds)
