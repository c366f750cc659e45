"""One SQLite file that repairs itself."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from longwatch.memory.durable.database import Database
from longwatch.memory.durable.salvage import salvage, set_aside

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT);"


def opened(path: Path) -> Database:
    return Database(path, SCHEMA, ("numbers",), 1)


def numbers(base: Database) -> list[int]:
    return [n for (n,) in base.run("SELECT n FROM numbers ORDER BY n")]


def test_work_that_fails_changes_nothing(tmp_path: Path) -> None:
    base = opened(tmp_path / "numbers.sqlite")

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (1, '')")
        connection.execute("INSERT INTO missing VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="missing"):
        base.do(work)
    base.run("INSERT INTO numbers VALUES (2, '')")
    assert numbers(base) == [2]
    assert not base.repaired
    base.close()


def test_a_table_is_read_from_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "numbers.sqlite"
    base = opened(path)
    for n in range(200):
        base.run("INSERT INTO numbers VALUES (?, ?)", (n, "x" * 400))
    base.sync()
    base.close()
    image = bytearray(path.read_bytes())
    middle = len(image) // 4096 // 2 * 4096
    image[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(image)
    again = opened(path)
    found = numbers(again)
    assert again.repaired
    assert found[0] == 0
    assert found[-1] == 199
    assert 170 < len(found) < 200
    again.close()


def test_names_of_files_set_aside_are_never_taken_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    for content in (b"first", b"second"):
        path.write_bytes(content)
        path.with_name("a.sqlite-wal").write_bytes(content)
        aside = set_aside(path)
        assert aside.read_bytes() == content
        assert aside.with_name(f"{aside.name}-wal").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 4


def test_nothing_is_saved_from_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    base = sqlite3.connect(":memory:")
    base.execute(SCHEMA)
    assert salvage(tmp_path / "junk", base, ["numbers"]) == 0
    base.close()
