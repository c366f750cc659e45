"""How times are shown."""

from __future__ import annotations

import pytest

from longwatch.cli.options import milliseconds, minutes


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.0, "0:00.0"), (59.96, "1:00.0"), (67.5, "1:07.5"), (3723.04, "1:02:03.0")],
)
def test_times_are_shown_as_people_read_them(seconds: float | None, shown: str) -> None:
    assert minutes(seconds) == shown


def test_durations_are_shown_as_people_read_them() -> None:
    assert [milliseconds(value) for value in (None, 0.4, 35.2)] == ["-", "0 ms", "35 ms"]
