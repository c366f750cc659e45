"""Laws of how long a client waits before it tries again."""

from __future__ import annotations

import pytest

from longwatch.client.reconnect import JITTER, Reconnect
from longwatch.errors import ConfigError


def test_waits_double_up_to_the_longest_and_end() -> None:
    waits = list(Reconnect(first=0.5, most=8.0, seconds=60.0).waits())
    due = [0.5, 1.0, 2.0, 4.0, *[8.0] * 7]
    assert len(waits) == len(due)
    for wait, base in zip(waits, due, strict=True):
        assert (1 - JITTER) * base <= wait <= (1 + JITTER) * base


def test_clients_of_one_service_do_not_all_come_at_once() -> None:
    assert len({next(Reconnect().waits()) for _ in range(20)}) > 1


@pytest.mark.parametrize("first", [0.0, -1.0, 9.0])
def test_a_wait_that_makes_no_sense_is_refused(first: float) -> None:
    with pytest.raises(ConfigError):
        Reconnect(first=first, most=8.0)
