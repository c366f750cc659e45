"""`longwatch doctor` says what works here."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from longwatch.cli.doctor.checks import all_checks
from longwatch.cli.doctor.speed import measure
from longwatch.cli.main import run

if TYPE_CHECKING:
    import pytest

    from tests.support.service import Live


def test_a_sound_installation_passes(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--url", live.url]) == 0
    out = capsys.readouterr().out
    assert "self-test passed" in out
    assert f"{live.url} answers with bundled" in out
    assert "FAIL" not in out


def test_what_is_missing_is_named_and_the_other_checks_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert run(["doctor", "--model", "nonsense", "--url", "http://127.0.0.1:1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    assert failed == ["video", "model"] or failed == ["video", "model", "port"]
    assert any(line.startswith("note  service") for line in lines)


def test_a_port_that_another_program_holds_is_a_failure() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        found = {check.what: check.state for check in all_checks(url, "nonsense")}
    assert found["port"] == "fail"


def test_the_speed_is_measured_on_the_real_engine() -> None:
    speed = measure("bundled")
    assert speed.frames_per_second > 0
    assert speed.ttft_ms > 0
