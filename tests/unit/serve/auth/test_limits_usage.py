"""What one key has under way."""

from __future__ import annotations

import pytest

from longwatch.errors import LimitError
from longwatch.serve.auth.limits import KeyUsage
from longwatch.serve.auth.settings import AccessSettings


def test_sessions_of_a_key_are_bounded_and_counted_out_however_they_end() -> None:
    usage = KeyUsage(AccessSettings(key_sessions=1))
    with usage.session():
        with pytest.raises(LimitError) as told, usage.session():
            raise AssertionError
        assert told.value.code == "too_many_sessions"
    with pytest.raises(ZeroDivisionError), usage.session():
        raise ZeroDivisionError
    with usage.session():
        pass


def test_answers_of_a_key_are_bounded_until_they_end() -> None:
    usage = KeyUsage(AccessSettings(key_parallel=2))
    usage.begin_answer()
    usage.begin_answer()
    with pytest.raises(LimitError):
        usage.begin_answer()
    usage.end_answer()
    usage.begin_answer()


def test_zero_is_no_limit() -> None:
    usage = KeyUsage(AccessSettings())
    for _ in range(1000):
        usage.begin_answer()
