"""`longwatch keys`: made, listed without their secrets, revoked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from longwatch.cli.main import run
from longwatch.serve.auth.keys import KeyStore, split

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LONGWATCH_KEYS", str(tmp_path / "keys.json"))
    return tmp_path / "keys.json"


def test_a_key_is_shown_once_works_and_is_revoked(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["keys", "add", "porch", "--scope", "publish", "--scope", "ask", "--stream", "door-*"]
    assert run([*args, "--days", "2"]) == 0
    made = capsys.readouterr()
    token = made.out.strip()  # alone, so that a script can take it
    ring = KeyStore(file)
    holder = ring.find(token)
    assert holder is not None
    assert holder.scopes == frozenset(("ask", "publish"))
    assert holder.streams == ("door-*",)
    assert token not in made.err

    assert run(["keys", "list"]) == 0
    shown = capsys.readouterr().out
    assert "porch" in shown
    assert "door-*" in shown
    assert run(["keys", "list", "--json"]) == 0
    (listed,) = json.loads(text := capsys.readouterr().out)
    assert listed["id"] == holder.id
    assert listed["expires"] - listed["created"] == pytest.approx(2 * 86400, abs=1)
    assert split(token)[1] not in shown + text
    assert "digest" not in listed

    assert run(["keys", "revoke", holder.id]) == 0
    assert ring.find(token) is None
    assert run(["keys", "revoke", holder.id]) == 2


def test_asking_is_all_that_a_key_may_unless_told(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "add", "guest"]) == 0
    holder = KeyStore(file).find(capsys.readouterr().out.strip())
    assert holder is not None
    assert holder.scopes == frozenset(("ask",))
    assert holder.streams == ("*",)


@pytest.mark.parametrize("args", [["--scope", "root"], ["--days", "0"], ["--days", "-1"]])
def test_what_cannot_be_is_refused_in_a_sentence(
    file: Path, capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert run(["keys", "add", "x", *args]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not file.exists()
