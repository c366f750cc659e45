"""The folder that streams are kept in, after whatever happened to it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import ConfigError, InputError, NotFoundError
from longwatch.memory.durable.catalogue import Exchange, StreamEntry
from longwatch.memory.durable.vault import Vault, check_name

if TYPE_CHECKING:
    from pathlib import Path

DOOR = StreamEntry("door", {"fps": 2.0}, "bundled", 100.25, 4.0, 9, 90)
YARD = StreamEntry("yard.2", {}, "bundled", 101.0)


def test_streams_are_found_again(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for entry in (DOOR, YARD, DOOR):
        vault.enter(entry)
    (vault.folder(DOOR) / "some").write_bytes(bytes(500))
    vault.close()
    again = Vault(tmp_path)
    assert again.catalogue.streams() == [DOOR, YARD]
    assert again.entry("door") == DOOR
    assert again.nbytes(DOOR) >= 500
    with pytest.raises(NotFoundError, match=r"door, yard\.2"):
        again.entry("roof")
    again.close()


def test_a_stream_that_the_catalogue_lost_is_entered_again(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.enter(DOOR)
    vault.close()
    for file in tmp_path.glob("catalogue.*"):
        file.write_bytes(b"rubbish" * 1000)
    again = Vault(tmp_path)
    assert again.catalogue.streams() == [DOOR]
    again.close()


def test_forgetting_removes_everything_of_a_stream_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for entry in (DOOR, YARD):
        vault.enter(entry)
        vault.catalogue.add_exchange(entry.name, Exchange(1.0, 2.0, "q", "a"))
    vault.forget(DOOR)
    vault.forget(DOOR)
    assert vault.catalogue.streams() == [YARD]
    assert not vault.catalogue.dialogue("door")
    assert [f.name for f in (tmp_path / "streams").iterdir()] == [vault.folder(YARD).name]
    vault.close()


def test_forgetting_an_earlier_stream_leaves_a_later_one_of_its_name(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    later = DOOR._replace(created=200.0)
    vault.enter(DOOR)
    vault.enter(later)
    vault.forget(DOOR)
    assert vault.catalogue.streams() == [later]
    assert vault.folder(later).is_dir()
    vault.close()


def test_what_was_half_forgotten_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for entry in (DOOR, YARD):
        vault.enter(entry)
    folder = vault.folder(DOOR)
    folder.rename(folder.with_name(f".forgotten-{folder.name}"))
    vault.close()
    again = Vault(tmp_path)
    assert again.catalogue.streams() == [YARD]
    assert len(list((tmp_path / "streams").iterdir())) == 1
    again.close()


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from longwatch.memory.durable.vault import Vault; "
        "vault = Vault(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        if other.stdout is None:
            pytest.fail("there is a pipe")
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConfigError, match="another process"):
            Vault(tmp_path)
        looking = Vault(tmp_path, write=False)
        assert looking.catalogue.streams() == []
        looking.close()
        other.kill()
    Vault(tmp_path).close()


def test_a_folder_that_cannot_be_used_is_a_setting_to_be_corrected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="--data"):
            Vault(root)
    with pytest.raises(ConfigError, match="holds no streams"):
        Vault(tmp_path / "nothing", write=False)


def test_a_catalogue_that_cannot_be_opened_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr("longwatch.memory.durable.database.sqlite3.connect", connect)
        with pytest.raises(ConfigError, match=r"disk is full.*--data"):
            Vault(tmp_path)
    Vault(tmp_path).close()  # the lock was let go of


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.enter(DOOR)
    vault.close()
    shutil.copytree(vault.folder(DOOR), tmp_path / "streams" / "a copy")
    (tmp_path / "streams" / "odd").mkdir()
    (tmp_path / "streams" / "odd" / "stream.json").write_text("{")
    again = Vault(tmp_path)
    assert again.catalogue.streams() == [DOOR]
    assert len(list((tmp_path / "streams").iterdir())) == 3
    again.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "-x", "a" * 65, "a\n", "a@b", "é"])
def test_a_name_is_safe_as_a_file_s(name: str) -> None:
    with pytest.raises(InputError):
        check_name(name)
