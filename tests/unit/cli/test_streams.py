"""`longwatch streams`: what is kept is shown, moved and forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from longwatch.cli.main import run
from longwatch.memory.durable.catalogue import Exchange, StreamEntry
from longwatch.memory.durable.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

DOOR = StreamEntry("door", {"fps": 2.0}, "bundled 0123", 1e9, 67.5, 135, 2700)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with one stream."""
    vault = Vault(tmp_path / "data")
    vault.enter(DOOR)
    vault.catalogue.add_exchange("door", Exchange(1e9, 66.0, "who came?", "a cat"))
    vault.catalogue.add_thumbnail("door", 3.0, b"jpeg")
    vault.close()
    return tmp_path / "data"


def streams(data: Path, *args: str) -> int:
    return run(["streams", *args, "--data", str(data)])


def test_streams_are_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert streams(data, "list") == 0
    assert "1:07.5" in capsys.readouterr().out
    assert streams(data, "list", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["stream"], found["frames"], found["model"]) == ("door", 135, "bundled 0123")
    assert found["bytes"] > 0


def test_a_stream_is_shown_while_a_service_has_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = Vault(data)
    assert streams(data, "show", "door") == 0
    assert "who came?" in capsys.readouterr().out
    assert streams(data, "show", "door", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["dialogue"][0]["answer"] == "a cat"
    assert found["thumbnails"] == [3.0]
    vault.close()


def test_a_stream_is_moved(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, other = tmp_path / "door.tar", tmp_path / "other"
    assert streams(data, "export", "door", str(file)) == 0
    assert streams(other, "import", str(file), "--as", "gate") == 0
    assert streams(other, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out.split("\n", 2)[2])[0]["stream"] == "gate"
    file.write_bytes(file.read_bytes()[:-11000])
    assert streams(other, "import", str(file)) == 2
    assert "damaged" in capsys.readouterr().err


def test_forgetting_asks_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [False, True]

    def confirm(_: str, *, abort: bool) -> None:
        if not answers.pop(0):
            raise KeyboardInterrupt

    monkeypatch.setattr("longwatch.cli.streams.typer.confirm", confirm)
    assert streams(data, "forget", "door") == 130
    assert streams(data, "show", "door") == 0
    assert streams(data, "forget", "door") == 0
    assert streams(data, "forget", "door", "--yes") == 2


@pytest.mark.parametrize(
    "args",
    [["show", "roof"], ["export", "roof", "x.tar"], ["import", "missing.tar"], ["list", "--nope"]],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_sentence(
    data: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert streams(data, *args) == 2
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if line.startswith("longwatch: ")]) == 1


def test_a_folder_without_streams_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streams(tmp_path / "nothing", "list") == 2
    assert "holds no streams" in capsys.readouterr().err
