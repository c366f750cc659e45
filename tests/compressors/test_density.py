"""Density peaks, against the definition in plain Python."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors.density import density_peaks


def oracle(points: list[list[float]], k: int, neighbours: int) -> tuple[list[int], list[int]]:
    """Return the centres and, for each point, the place of its centre."""
    n, every = len(points), range(len(points))
    away = [[math.dist(a, b) / math.sqrt(len(a)) for b in points] for a in points]
    rho = [
        math.exp(-sum(x * x for x in sorted(row)[:neighbours]) / min(neighbours, n)) for row in away
    ]
    delta = [min((away[i][j] for j in every if rho[j] > rho[i]), default=-1.0) for i in every]
    delta = [max(map(max, away)) if x < 0 else x for x in delta]
    centres = sorted(sorted(every, key=lambda i: -rho[i] * delta[i])[:k])
    owner = [
        centres.index(i) if i in centres else min(range(k), key=lambda c: away[i][centres[c]])
        for i in every
    ]
    return centres, owner


@given(n=st.integers(1, 30), k=st.integers(1, 30), d=st.integers(2, 9), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_centres_and_groups_are_those_of_the_definition(n: int, k: int, d: int, seed: int) -> None:
    features = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    found = density_peaks(features, min(k, n), 7)
    centres, owner = oracle(features.double().tolist(), min(k, n), 7)
    assert found.centres.tolist() == centres
    assert found.owner.tolist() == owner


def test_the_centre_of_a_cluster_is_its_densest_token() -> None:
    """Where a published implementation compares the wrong way round, it is the loneliest one."""
    generator = torch.Generator().manual_seed(0)
    around = torch.randn(40, 8, generator=generator)
    features = torch.cat([around[:20] + 20, around[20:] - 20])
    closeness = -torch.cdist(features, features).sort(1).values[:, :7].square().mean(1)
    best = {int(closeness[:20].argmax()), 20 + int(closeness[20:].argmax())}
    found = density_peaks(features, 2, 7)
    assert set(found.centres.tolist()) == best
    assert found.owner.tolist() == [0] * 20 + [1] * 20


@pytest.mark.parametrize("value", [0.0, 1.0, 3e38])
def test_equal_tokens_are_taken_in_their_order(value: float) -> None:
    found = density_peaks(torch.full((9, 4), value), 3, 7)
    assert found.centres.tolist() == [0, 1, 2]
    assert found.owner.tolist() == [0, 1, 2, 0, 0, 0, 0, 0, 0]


def test_tokens_far_from_each_other_are_still_told_apart() -> None:
    """Their densities vanish, so only the exponents can be compared."""
    features = 1e4 * torch.randn(12, 4, generator=torch.Generator().manual_seed(1))
    small = density_peaks(features, 4, 7)
    assert len(set(small.centres.tolist())) == 4
    assert set(small.owner.tolist()) == {0, 1, 2, 3}
