"""The token bucket, by a clock of the test's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.auth.limits import TokenBucket


def test_a_burst_then_the_rate() -> None:
    now = [0.0]
    bucket = TokenBucket(2, 3, lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert bucket.take() == pytest.approx(0.5)
    now[0] = 0.5
    assert bucket.take() == 0
    assert bucket.take() > 0
    now[0] = 1000.0
    assert bucket.level == 3


def test_what_is_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_for_later() -> None:
    now = [0.0]
    bucket = TokenBucket(1, 2, lambda: now[0])
    assert bucket.take(10) == 0
    assert bucket.wait() == pytest.approx(9)
    now[0] = 9.0
    assert bucket.take() == 0


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket(0, 0)
    assert all(bucket.take(1e9) == 0 for _ in range(1000))


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 4)), max_size=50),
    st.floats(0.1, 10),
    st.floats(4, 10),
)
def test_never_more_passes_than_the_burst_and_the_rate(
    steps: list[tuple[float, float]], rate: float, burst: float
) -> None:
    now = [0.0]
    bucket, passed = TokenBucket(rate, burst, lambda: now[0]), 0.0
    for pause, amount in steps:
        now[0] += pause
        if bucket.take(amount) == 0:
            passed += amount
        assert passed <= burst + rate * now[0] + 1e-6
