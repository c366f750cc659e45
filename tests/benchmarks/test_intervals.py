"""Means and intervals, against what can be said without drawing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import intervals

VALUES = st.dictionaries(
    st.sampled_from([16, 64, 256]), st.lists(st.floats(0, 1), min_size=1, max_size=8), min_size=1
)


def test_lengths_count_alike_however_many_streams_they_have() -> None:
    assert intervals.mean({16: [1.0, 1.0, 1.0, 1.0], 64: [0.0]}).mean == pytest.approx(0.5)


@given(VALUES)
def test_an_interval_lies_within_the_values_and_around_the_middle(
    values: dict[int, list[float]],
) -> None:
    found = intervals.mean(values)
    flat = [x for of in values.values() for x in of]
    assert min(flat) - 1e-9 <= found.low <= found.high <= max(flat) + 1e-9


@given(VALUES)
def test_nothing_is_ahead_of_itself_and_all_of_it_is_kept(values: dict[int, list[float]]) -> None:
    assert list(intervals.difference(values, values)) == pytest.approx([0, 0, 0])
    ratio = intervals.ratio(values, values)
    assert ratio is None or list(ratio) == pytest.approx([1, 1, 1])


def test_what_a_hard_stream_does_to_both_cancels_out() -> None:
    hard_and_easy = {16: [0.1, 0.9, 0.5, 0.3]}
    better = {16: [x + 0.05 for x in hard_and_easy[16]]}
    found = intervals.difference(better, hard_and_easy)
    assert list(found) == pytest.approx([0.05, 0.05, 0.05])


def test_the_interval_is_as_wide_as_the_spread_of_a_mean() -> None:
    coin = {16: [0.0, 1.0] * 50}
    found = intervals.mean(coin)
    assert found.mean == pytest.approx(0.5)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.05, abs=0.03)


def test_a_ratio_to_nothing_is_none() -> None:
    assert intervals.ratio({16: [0.5, 0.5]}, {16: [0.0, 0.0]}) is None
