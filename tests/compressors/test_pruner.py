"""Laws of every method that drops tokens inside the language model."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.compressors import PRUNERS, Pruner
from longwatch.compressors.pruner import Look, count_of
from longwatch.errors import ConfigError

METHODS = [pytest.param(made(), id=name) for name, made in PRUNERS.items()]
methods = pytest.mark.parametrize("method", METHODS)


def look(v: int, raters: int = 3, seed: int = 0, dtype: torch.dtype = torch.float32) -> Look:
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(raters, v, generator=generator)
    return Look(attention, torch.randn(v, 8, generator=generator).to(dtype))


@methods
@given(st.data())
def test_so_many_tokens_stay_in_their_order_and_always_the_same(
    method: Pruner, data: st.DataObject
) -> None:
    v = data.draw(st.integers(1, 40))
    count = data.draw(st.integers(1, v))
    shown = look(v, data.draw(st.integers(1, 4)), data.draw(st.integers(0, 9)))
    before = shown.hidden.clone()
    left = method.prune(shown, count)
    assert left.kept.shape == (count,)
    assert (left.kept.diff() > 0).all()
    assert int(left.kept[0]) >= 0
    assert int(left.kept[-1]) < v
    assert left.hidden.shape == (count, 8)
    again = method.prune(shown, count)
    assert torch.equal(again.kept, left.kept)
    assert torch.equal(again.hidden, left.hidden)
    assert torch.equal(shown.hidden, before)  # what it was shown is as it was


@methods
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_where_all_may_stay_nothing_changes(method: Pruner, dtype: torch.dtype) -> None:
    shown = look(12, dtype=dtype)
    left = method.prune(shown, 12)
    assert torch.equal(left.kept, torch.arange(12))
    assert torch.equal(left.hidden, shown.hidden)
    assert left.hidden.dtype == dtype


@methods
@pytest.mark.parametrize("layers", [1, 2, 5, 24, 28, 32])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.125])
def test_shares_fall_to_the_one_that_was_asked_for(
    method: Pruner, layers: int, share: float
) -> None:
    stages = method.at(share).stages(layers)
    ends, shares = list(stages), list(stages.values())
    assert ends == sorted(ends)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(share)
    assert all(0 <= end < max(1, layers - 1) for end in ends)


@methods
@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_out_of_range_is_refused(method: Pruner, share: float) -> None:
    with pytest.raises(ConfigError, match="keep"):
        method.at(share)


def test_a_count_is_rounded_down_and_never_none() -> None:
    assert count_of(0.5, 7) == 3
    assert count_of(50 / 196, 196) == 50
    assert count_of(0.01, 9) == 1
