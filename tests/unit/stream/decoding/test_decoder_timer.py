"""Laws of the time that decoding may take."""

from __future__ import annotations

import pytest

from longwatch.errors import FrameError
from longwatch.stream.decoding.decoder import DecodeTimer

AT_ONCE, NEVER = 1e-9, 1e9  # seconds


def test_what_takes_too_long_is_seen_meanwhile_and_told_afterwards() -> None:
    watch = DecodeTimer(AT_ONCE)
    assert not watch.overdue
    with pytest.raises(FrameError) as told:
        _work(watch)
    assert told.value.code == "decode_timeout"
    assert not watch.overdue


def _work(watch: DecodeTimer) -> None:
    with watch.running():
        while not watch.overdue:
            pass


def test_what_is_quick_passes_and_its_own_errors_do_too() -> None:
    watch = DecodeTimer(NEVER)
    with watch.running():
        assert not watch.overdue
    for limit in (AT_ONCE, NEVER):
        with pytest.raises(ZeroDivisionError), DecodeTimer(limit).running():
            _ = 1 / 0
