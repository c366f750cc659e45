"""Spans of time in words."""

from __future__ import annotations

import re

import pytest

from longwatch.serve.answers.time_expressions import DURATION, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 minutes", 300.0),
        ("five minutes", 300.0),
        ("a minute", 60.0),
        ("half an hour", 1800.0),
        ("1 min 30 s", 90.0),
        ("twenty-five seconds", 25.0),
        ("an hour and a half", 5400.0),
        ("2.5 h", 9000.0),
        ("a couple of minutes", 120.0),
    ],
)
def test_a_span_is_matched_whole_and_read(text: str, expected: float) -> None:
    assert re.fullmatch(DURATION, text)
    assert parse_duration(text) == expected
