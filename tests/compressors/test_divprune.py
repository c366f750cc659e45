"""DivPrune, against its definition and the best set there is."""

from __future__ import annotations

from itertools import combinations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.divprune import DivPrune, farthest
from tests.compressors.clips import Clip, make, tokens_of

quick = settings(max_examples=40, deadline=None)


def distances(x: torch.Tensor) -> list[list[float]]:
    rows = functional.normalize(x.double(), dim=1)
    return (1 - rows @ rows.T).tolist()


@given(n=st.integers(2, 30), seed=st.integers(0, 10_000), data=st.data())
@quick
def test_tokens_are_chosen_as_the_greedy_rule_says(n: int, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    away, every = distances(x), range(n)
    alone = sorted(min(away[i][j] for j in every if j != i) for i in every)
    assume(alone[-1] - alone[-2] > 1e-9)  # two that are each other's nearest tie, but for rounding
    chosen = [max(every, key=lambda i: min(away[i][j] for j in every if j != i))]
    while len(chosen) < k:
        left = [i for i in every if i not in chosen]
        chosen.append(max(left, key=lambda i: min(away[i][j] for j in chosen)))
    assert farthest(x, k).tolist() == sorted(chosen)


@given(seed=st.integers(0, 10_000), k=st.integers(2, 5))
@quick
def test_the_least_distance_is_near_the_best_there_is(seed: int, k: int) -> None:
    """Greedy reaches half of the best Euclidean distance, so a quarter of 1 - cos."""
    x = torch.randn(9, 4, generator=torch.Generator().manual_seed(seed))
    away = distances(x)

    def least(chosen: tuple[int, ...]) -> float:
        return min(away[i][j] for i, j in combinations(chosen, 2))

    best = max(map(least, combinations(range(9), k)))
    assert least(tuple(farthest(x, k).tolist())) >= best / 4 - 1e-6


def test_of_twins_one_is_kept_as_long_as_there_are_others() -> None:
    x = torch.eye(4).repeat(3, 1)
    kept, _ = DivPrune(keep=1 / 3).compress(tokens_of(x, (3, 4)), None)
    assert torch.equal(kept.embeds.sum(0), torch.ones(4))


def test_at_one_all_stay() -> None:
    tokens = make(Clip())[0]
    assert torch.equal(DivPrune().at(1).compress(tokens, None)[0].embeds, tokens.embeds)
