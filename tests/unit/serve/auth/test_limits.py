"""What a session has left, of its own and of its key's."""

from __future__ import annotations

import pytest

from longwatch.errors import LimitError
from longwatch.serve.auth.limits import RateLimiter, RateLimits


def test_a_session_takes_of_its_key_s_too_and_nothing_where_either_is_empty() -> None:
    def clock() -> float:
        return 0.0

    key = RateLimiter(RateLimits(questions=3), clock=clock)
    first, second = (RateLimiter(RateLimits(questions=2), key, clock) for _ in range(2))
    first.take("questions")
    first.take("questions")
    with pytest.raises(LimitError) as told:
        first.take("questions")  # its own are gone; the key's are not touched
    assert (told.value.code, told.value.retry_after) == ("rate_limited", 30)
    second.take("questions")
    with pytest.raises(LimitError) as told:
        second.take("questions")  # the key's are gone
    assert told.value.retry_after == pytest.approx(20)
    assert key.json()[0]["remaining"] == 0


def test_only_what_is_limited_is_told_and_the_tightest_of_it() -> None:
    def clock() -> float:
        return 0.0

    assert RateLimiter(RateLimits()).json() == []
    key = RateLimiter(RateLimits(questions=4, frames=10), clock=clock)
    session = RateLimiter(RateLimits(questions=100), key, clock)
    session.take("questions")
    requests, frames = session.json()
    assert requests == {"name": "requests", "limit": 4, "remaining": 3, "reset_seconds": 15}
    assert (frames["name"], frames["limit"], frames["remaining"]) == ("frames", 20, 20)


def test_without_limits_everything_passes() -> None:
    allowance = RateLimiter(RateLimits(), RateLimiter(RateLimits()))
    for kind in ("questions", "frames", "bytes"):
        for _ in range(100):
            allowance.take(kind, 1e9)
