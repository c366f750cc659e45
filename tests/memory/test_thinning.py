"""Which tokens stand out, against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.segment import Segment
from longwatch.memory.thinning import Thinning, fairest, salience, strongest
from tests.memory.parts import frame


@given(st.integers(0, 999), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_salience_is_the_distance_from_the_mean_by_the_spread_of_each_head(
    seed: int, layers: int, h: int, n: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    keys, values = torch.randn(2, layers, h, n, 4, generator=generator)
    expected = [0.0] * n
    for layer in range(layers):
        for head in range(h):
            rows = values[layer, head].double()
            mean = sum(rows) / n
            away = [float((row - mean) @ (row - mean)) for row in rows]
            for i in range(n):
                expected[i] += away[i] / max(sum(away) / n, 1e-12)
    found = salience(keys, values)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_no_head_outweighs_another_and_keys_count_for_nothing() -> None:
    keys, values = torch.randn(2, 2, 3, 6, 4)
    large = values * torch.tensor([1.0, 100.0, 0.01])[:, None, None]
    torch.testing.assert_close(salience(keys, large), salience(keys, values), rtol=1e-3, atol=1e-3)
    assert torch.equal(salience(-keys, values), salience(keys, values))
    assert salience(keys, torch.ones(2, 3, 6, 4)).tolist() == [0.0] * 6


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 40))
def test_the_strongest_are_the_largest_and_the_earlier_of_equals(
    weight: list[int], count: int
) -> None:
    order = sorted(range(len(weight)), key=lambda i: (-weight[i], i))
    found = strongest(torch.tensor(weight, dtype=torch.float32), count)
    assert found.tolist() == sorted(order[:count])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1), st.integers(1, 40))
def test_each_frame_keeps_its_strongest_before_any_keeps_another(
    tokens: list[tuple[int, int]], count: int
) -> None:
    tokens.sort(key=lambda token: token[0])
    frames, weight = (list(column) for column in zip(*tokens, strict=True))
    order = sorted(range(len(tokens)), key=lambda i: (-weight[i], i))
    best = [next(i for i in order if frames[i] == each) for each in dict.fromkeys(frames)]
    ranked = [i for i in order if i in best] + [i for i in order if i not in best]
    found = fairest(torch.tensor(weight, dtype=torch.float32), np.array(frames), count)
    assert found.tolist() == sorted(ranked[:count])
    assert len({frames[i] for i in found.tolist()}) == min(count, len(set(frames)))


@given(st.integers(1, 20), st.floats(0.01, 1))
@settings(max_examples=30, deadline=None)
def test_a_frame_keeps_its_share_of_tokens_in_every_layer_and_where_they_stood(
    n: int, share: float
) -> None:
    whole = frame(3, n)
    thin = Thinning(share).thin(whole)
    weight = salience(torch.stack(whole.keys), torch.stack(whole.values))
    count = min(n, max(1, round(share * n)))
    at = sorted(sorted(range(n), key=lambda i: (-float(weight[i]), i))[:count])
    assert thin.positions.tolist() == [at]
    assert (thin.time, thin.index) == (whole.time, whole.index)
    for one, other in zip((*thin.keys, *thin.values), (*whole.keys, *whole.values), strict=True):
        assert torch.equal(one, other[:, at])


def test_a_frame_is_thinned_once() -> None:
    """One that waits for a block is offered again each time a later frame leaves."""
    thin = Thinning(0.5).thin(frame(0, 8))
    assert isinstance(thin, Segment)
    assert Thinning(0.5).thin(thin) is thin


def test_a_frame_that_keeps_all_is_returned_itself() -> None:
    whole = frame(0, 8)
    assert Thinning(1.0).thin(whole) is whole
