"""Tokens a second: never more than the rate, never less than the floor, most where it is new."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors import COMPRESSORS, KeepAll, Uniform
from longwatch.compressors.budget import Budget
from longwatch.errors import ConfigError
from tests.compressors.clips import clips, make, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.compressors import Compressor
    from longwatch.types import VisualTokens

EPSILON = 1e-6


class Paid(NamedTuple):
    """What one frame got; no tokens if it was left out."""

    time: float
    tokens: int
    share: float
    novelty: float


def play(
    budget: Budget,
    frames: Sequence[VisualTokens],
    times: Sequence[float],
    compressor: Compressor[Any] | None = None,
    eases: Sequence[float] | None = None,
) -> list[Paid]:
    """Compress `frames` as a stream does."""
    method = compressor or Uniform()
    account, state, paid = budget.new_account(), method.new_state(), []
    for i, (tokens, time) in enumerate(zip(frames, times, strict=True)):
        grant = budget.grant(tokens, time, account, ease=1.0 if eases is None else eases[i])
        if grant is None:
            paid.append(Paid(time, 0, 0, 0))
            continue
        kept, state = method.at(grant.share).compress(tokens, state)
        account = budget.settle(grant, time, len(tokens), kept, account)
        paid.append(Paid(time, len(kept), grant.share, grant.novelty))
    return paid


def noise(count: int, n: int = 16, seed: int = 0) -> list[VisualTokens]:
    """Return frames of `n` random cells."""
    generator = torch.Generator().manual_seed(seed)
    return [tokens_of(torch.randn(n, 8, generator=generator), (1, n)) for _ in range(count)]


def still(count: int, n: int = 16) -> list[VisualTokens]:
    """Return the same frame again and again."""
    return noise(1, n) * count


budgets = st.builds(
    Budget,
    rate=st.floats(0.5, 300),
    floor=st.integers(1, 6),
    ceiling=st.floats(0.05, 1),
    seconds=st.floats(0.3, 10),
    quiet=st.sampled_from([0.0, 0.02, 0.3]),
)
methods = sorted(set(COMPRESSORS) - {"keep_all"})


@given(budgets, clips(), st.data())
@settings(deadline=None, max_examples=40)
def test_no_window_holds_more_than_the_rate_and_a_full_bucket(
    budget: Budget, clip: Any, data: st.DataObject
) -> None:
    frames = make(clip) * 4
    gaps = st.lists(st.floats(0, 3), min_size=len(frames), max_size=len(frames))
    times = torch.tensor(data.draw(gaps), dtype=torch.float64).cumsum(0).tolist()
    name = data.draw(st.sampled_from(methods))
    paid = play(budget, frames, times, COMPRESSORS[name]())
    for i in range(len(paid)):
        for j in range(i, len(paid)):
            spent = sum(p.tokens for p in paid[i : j + 1])
            assert spent <= budget.rate * (times[j] - times[i]) + budget.room + EPSILON


@given(budgets, st.integers(1, 60), st.data())
@settings(deadline=None, max_examples=40)
def test_each_frame_has_between_floor_and_ceiling(
    budget: Budget, n: int, data: st.DataObject
) -> None:
    frames = data.draw(st.sampled_from([noise(12, n), still(12, n)]))
    floor, most = min(budget.floor, n), int(budget.ceiling * n + EPSILON)
    for paid in play(budget, frames, [i / 2 for i in range(12)]):
        assert paid.tokens == 0 or floor <= paid.tokens <= max(floor, most)


@given(st.integers(1, 8), st.floats(0.2, 20), st.floats(0.1, 8), st.data())
@settings(deadline=None, max_examples=40)
def test_one_frame_in_a_slot_is_never_left_out(
    floor: int, fps: float, seconds: float, data: st.DataObject
) -> None:
    budget = Budget(rate=floor * fps, floor=floor, seconds=seconds)
    inside = data.draw(st.lists(st.floats(0, 0.999), min_size=40, max_size=40))
    times = [(i + part) / fps for i, part in enumerate(inside)]
    frames = data.draw(st.sampled_from([noise(40), still(40)]))
    assert all(paid.tokens for paid in play(budget, frames, times))


@given(budgets, clips())
@settings(deadline=None, max_examples=30)
def test_the_same_frames_get_the_same_and_later_ones_change_nothing(
    budget: Budget, clip: Any
) -> None:
    frames = make(clip)
    times = [i / 2 for i in range(len(frames))]
    whole = play(budget, frames, times)
    assert whole == play(budget, frames, times)
    assert whole[:-1] == play(budget, frames[:-1], times[:-1])


def test_frames_that_are_all_alike_use_the_rate_evenly() -> None:
    paid = play(Budget(rate=16), noise(200, 64), [i / 2 for i in range(200)])
    later = [p.tokens for p in paid[100:]]
    assert sum(later) / 50 == pytest.approx(16, rel=0.1)
    assert max(later) - min(later) <= 2


def test_a_static_stretch_costs_the_floor() -> None:
    paid = play(Budget(rate=16), still(100, 64), [i / 2 for i in range(100)])
    assert [p.tokens for p in paid[1:]] == [1] * 99


def test_what_a_static_stretch_left_is_there_when_something_happens() -> None:
    frames = [*still(40, 64), *noise(2, 64, seed=5)]
    paid = play(Budget(rate=16, seconds=4), frames, [i / 2 for i in range(42)])
    assert paid[40].tokens > 6 * 16 / 2  # many times an even share
    assert paid[40].tokens <= 64


def test_a_slow_drift_is_seen() -> None:
    """Each step is within what counts as quiet; together they are not."""
    start, end = (t.embeds for t in noise(2, 16))
    frames = [tokens_of(start.lerp(end, i / 100), (1, 16)) for i in range(100)]
    times = [i / 2 for i in range(100)]
    steps = [
        play(Budget(rate=8), [a, b], [0.0, 0.5])[1].novelty for a, b in itertools.pairwise(frames)
    ]
    assert max(steps) == 0
    assert max(p.novelty for p in play(Budget(rate=8), frames, times)[1:]) > 0
    assert sum(p.tokens > 1 for p in play(Budget(rate=8), frames, times)) > 10


def test_a_cell_stays_new_until_it_is_paid_for() -> None:
    budget, (one, other) = Budget(rate=100), noise(2, 16)
    account = budget.new_account()
    first = budget.grant(one, 0.0, account)
    assert first is not None
    account = budget.settle(first, 0.0, 16, one, account)
    poor = budget.grant(other, 0.5, account, ease=0.0)
    assert poor is not None
    assert poor.tokens == budget.floor
    account = budget.settle(poor, 0.5, 16, other.select(torch.tensor([3])), account)
    again = budget.grant(other, 1.0, account)
    assert again is not None
    assert 0.5 * poor.novelty < again.novelty < poor.novelty
    paid = budget.settle(again, 1.0, 16, other, account)
    after = budget.grant(other, 1.5, paid)
    assert after is not None
    assert after.novelty == 0


def test_under_load_frames_lose_tokens_before_any_is_left_out() -> None:
    frames, times = noise(40, 64), [i / 2 for i in range(40)]
    free = play(Budget(rate=32), frames, times)
    eased = play(Budget(rate=32), frames, times, eases=[0.25] * 40)
    floored = play(Budget(rate=32), frames, times, eases=[0.0] * 40)
    assert sum(p.tokens for p in eased) < sum(p.tokens for p in free)
    assert all(p.tokens == 1 for p in floored)


def test_a_rate_that_cannot_pay_the_floor_leaves_frames_out() -> None:
    paid = play(Budget(rate=2, floor=4, seconds=1), noise(40), [i / 2 for i in range(40)])
    assert {p.tokens for p in paid} == {0, 4}


def test_tokens_that_are_no_numbers_are_left_for_the_compressor_to_refuse() -> None:
    budget = Budget(rate=10)
    broken = tokens_of(torch.full((4, 8), torch.nan), (2, 2))
    account = budget.new_account()
    grant = budget.grant(broken, 0.0, account)
    assert grant is not None
    account = budget.settle(grant, 0.0, 4, broken, account)
    again = budget.grant(broken, 0.5, account)
    assert again is not None
    assert again.novelty == 1


def test_keep_all_cannot_share_out() -> None:
    with pytest.raises(ConfigError, match="keep_all"):
        KeepAll().at(0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": float("inf")},
        {"floor": 0},
        {"ceiling": 0},
        {"ceiling": 1.1},
        {"seconds": 0},
        {"quiet": 1},
        {"quiet": -0.1},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Budget(**({"rate": 10} | wrong))
