"""What can still be had from a damaged SQLite file, which is set aside and never deleted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BESIDE = ("", "-wal", "-shm")  # the files that SQLite keeps for one database


def set_aside(path: Path) -> Path:
    """Rename a database, with the files beside it, to a name that is free; return that."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for ending in BESIDE:
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(aside.with_name(aside.name + ending))
    return aside


def salvage(damaged: Path, into: sqlite3.Connection, tables: Sequence[str]) -> int:
    """Copy the rows of `damaged` that can be read into the same tables; return how many.

    Each table is read from both ends up to where it breaks.
    """
    saved = 0
    with closing(sqlite3.connect(damaged)) as base:
        for table in tables:
            for order in ("ASC", "DESC"):
                for row in _rows(base, table, order):
                    holes = ", ".join("?" * len(row))
                    try:
                        done = into.execute(
                            f"INSERT OR IGNORE INTO {table} VALUES ({holes})",
                            row,
                        )
                    except sqlite3.OperationalError:  # the damage made another number of columns
                        break
                    if not done.rowcount:
                        break  # the two ends have met
                    saved += 1
    into.commit()
    return saved


def _rows(base: sqlite3.Connection, table: str, order: str) -> Iterator[tuple[object, ...]]:
    try:
        yield from base.execute(f"SELECT * FROM {table} ORDER BY rowid {order}")
    except sqlite3.DatabaseError:
        return
