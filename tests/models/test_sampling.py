"""Laws of the choice of a token, against brute force."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import InputError, ModelError
from longwatch.models.sampling import Sampler, Sampling

LOGITS = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=40).map(torch.tensor)


def picks(logits: torch.Tensor, n: int, **settings: Any) -> list[int]:
    sampler = Sampler(Sampling(**settings))
    return [sampler.pick(logits) for _ in range(n)]


def nucleus(logits: torch.Tensor, temperature: float, top_p: float) -> dict[int, float]:
    """Return what top-p leaves and how likely each is, in plain Python."""
    top = max(logits.tolist())
    weights = [math.exp((x - top) / temperature) for x in logits.tolist()]
    total, kept, mass = sum(weights), {}, 0.0
    for i in sorted(range(len(weights)), key=lambda i: (-weights[i], i)):
        if mass >= top_p:
            break
        kept[i] = weights[i] / total
        mass += kept[i]
    return {i: p / mass for i, p in kept.items()}


@given(LOGITS)
def test_temperature_zero_takes_the_first_of_the_likeliest(logits: torch.Tensor) -> None:
    values = logits.tolist()
    assert picks(logits, 1) == [values.index(max(values))]


@given(LOGITS, st.floats(1e-300, 1e-9))
def test_a_vanishing_temperature_is_greedy_among_equals(logits: torch.Tensor, t: float) -> None:
    [token] = picks(logits, 1, temperature=t, seed=1)
    assert float(logits.max() - logits[token]) <= 1e-6


@given(LOGITS, st.floats(0.1, 2), st.floats(0.01, 0.999), st.integers(-(2**63), 2**63 - 1))
def test_only_the_nucleus_is_ever_drawn(
    logits: torch.Tensor, temperature: float, top_p: float, seed: int
) -> None:
    # A hair more than asked for, because the two sums round differently.
    allowed = nucleus(logits, temperature, min(1.0, top_p + 1e-9))
    assert set(picks(logits, 8, temperature=temperature, top_p=top_p, seed=seed)) <= set(allowed)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.7, 0.8), (1, 0.3)])
def test_draws_are_as_frequent_as_their_probability(temperature: float, top_p: float) -> None:
    logits = torch.randn(12, generator=torch.Generator().manual_seed(5))
    n = 4000
    seen = Counter(picks(logits, n, temperature=temperature, top_p=top_p, seed=3))
    wanted = nucleus(logits, temperature, top_p)
    for token in range(12):
        p = wanted.get(token, 0.0)
        assert abs(seen[token] / n - p) <= 4.5 * math.sqrt(p * (1 - p) / n)


def test_a_seed_fixes_the_answer_and_no_seed_does_not() -> None:
    logits = torch.zeros(1000)
    assert picks(logits, 20, temperature=1, seed=7) == picks(logits, 20, temperature=1, seed=7)
    assert picks(logits, 20, temperature=1, seed=7) != picks(logits, 20, temperature=1, seed=8)
    assert picks(logits, 20, temperature=1) != picks(logits, 20, temperature=1)


def test_picking_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    picks(torch.zeros(9), 5, temperature=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_token_that_is_ruled_out_is_never_drawn() -> None:
    logits = torch.full((50,), -torch.inf)
    logits[[3, 9]] = 0.0
    assert set(picks(logits, 60, temperature=2, seed=0)) == {3, 9}


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_damaged_logits_are_an_error_of_the_model(bad: float, temperature: float) -> None:
    with pytest.raises(ModelError, match="float32"):
        picks(torch.tensor([0.0, bad, 1.0]), 1, temperature=temperature)


@pytest.mark.parametrize(
    ("param", "value"),
    [
        *[("temperature", x) for x in (-0.1, 2.1, math.nan, math.inf)],
        *[("top_p", x) for x in (0.0, -1.0, 1.01, math.nan)],
        *[("seed", x) for x in (2**63, -(2**63) - 1)],
        *[("max_tokens", x) for x in (0, -5)],
        *[("stop", x) for x in (("",), "end", ["end"])],
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(param: str, value: Any) -> None:
    with pytest.raises(InputError, match=param) as caught:
        Sampling(**{param: value})
    assert caught.value.param == param


def test_settings_cannot_change_under_an_answer() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sampling().temperature = 1.0  # type: ignore[misc]
