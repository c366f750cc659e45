"""Moments and ranges on the wire."""

from __future__ import annotations

import math

import pytest

from longwatch.client.client import moment_fields
from longwatch.errors import InputError


def test_nothing_said_is_now() -> None:
    assert moment_fields(None, None) == {"as_of": "now"}


def test_seconds_become_whole_microseconds() -> None:
    assert moment_fields(1.5, (0.25, 2.0)) == {
        "as_of": 1_500_000,
        "range": {"from": 250_000, "to": 2_000_000},
    }


@pytest.mark.parametrize("as_of", [-0.1, math.inf, math.nan, 1e13])
def test_what_is_no_moment_is_refused(as_of: float) -> None:
    with pytest.raises(InputError, match="as_of"):
        moment_fields(as_of, None)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match="ends before it begins"):
        moment_fields(None, (3.0, 2.0))
