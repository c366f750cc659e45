"""What `longwatch doctor` says of the settings and of what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.cli.doctor.environment import settings_checks, tools_check
from longwatch.serve.auth.keys import KeyFile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def states() -> dict[str, str]:
    return {check.what: check.state for check in settings_checks()}


def told(what: str) -> str:
    return next(check.found for check in settings_checks() if check.what == what)


def test_without_settings_only_the_missing_folder_is_noted() -> None:
    assert states() == {"settings": "ok", "data": "note"}
    assert "all by default" in told("settings")


def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGWATCH_MAX_SESSIONS", "none")
    assert states() == {"settings": "fail"}
    assert "max_sessions" in told("settings")


def test_a_folder_that_can_be_used_is_told_with_its_room_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGWATCH_DATA", str(tmp_path / "streams"))
    assert "GiB free" in told("data")
    assert not (tmp_path / "streams").exists()


def test_a_file_in_the_folder_s_place_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LONGWATCH_DATA", str(tmp_path / "file/streams"))
    assert states()["data"] == "fail"


def test_keys_are_counted_and_a_file_of_them_that_is_none_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    monkeypatch.setenv("LONGWATCH_KEYS", str(file))
    assert states()["keys"] == "fail"
    _, token = KeyFile(file).add("me", ["ask"], ["*"], None)
    assert told("keys").startswith("1 in ")
    assert token not in told("keys")


def test_certificates_that_cannot_be_read_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGWATCH_TLS_CERT", str(tmp_path / "cert.pem"))
    monkeypatch.setenv("LONGWATCH_TLS_KEY", str(tmp_path / "key.pem"))
    assert states()["tls"] == "fail"


def test_a_machine_without_the_tools_of_tests_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    check = tools_check()
    assert check.state == "note"
    assert "no Chromium" in check.found
