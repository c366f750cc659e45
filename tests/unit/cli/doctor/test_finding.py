"""What `longwatch doctor` may find."""

from __future__ import annotations

from typing import get_args

import pytest

from longwatch.cli.doctor import command
from longwatch.cli.doctor.finding import Check, State


def test_every_state_is_shown_with_a_mark_of_its_own() -> None:
    assert set(command._MARKS) == set(get_args(State))
    assert len(set(command._MARKS.values())) == len(get_args(State))


@pytest.mark.parametrize("state", get_args(State))
def test_what_must_be_fixed_and_nothing_else_makes_the_doctor_fail(
    state: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "all_checks", lambda *_: [Check("a [thing]", state, "found")])
    assert command.command("bundled", "http://127.0.0.1:9") == int(state == "fail")
    assert "a [thing]" in capsys.readouterr().out
