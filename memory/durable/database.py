"""One SQLite file with a write-ahead log, which repairs itself as far as that goes."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from longwatch.errors import StorageError
from longwatch.memory.durable.salvage import salvage, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

T = TypeVar("T")
log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that a connection waits for another one's write
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Database:
    """Tables in one file. Each thread has a connection of its own, so any may call anything.

    What was written is there after a crash of the process; after a crash of the machine, what
    `sync` waited for is. A damaged file is renamed, never deleted, and what can be read of it goes
    into a new one.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        tables: tuple[str, ...],
        version: int,
        *,
        check: bool = True,
    ) -> None:
        """Open the file, or make it with `schema`, statements that each end in a semicolon.

        Without `check` nothing is made or repaired: for those who look on while another process
        writes.

        Raises:
            StorageError: the file is of a later `version`.
            OSError, sqlite3.Error: it can be neither opened nor made.
        """
        self.path = path
        self.repaired = False  # whether it was found damaged, so that entries may be missing
        self._schema, self._tables, self._version = schema, tables, version
        self._generation = 0  # of the file; connections to an earlier one are stale
        self._connections: dict[int, tuple[int, sqlite3.Connection]] = {}  # by thread
        self._lock = threading.Lock()
        self._check = check
        if not check:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        wrong = self._examine()
        if wrong is not None:
            self._repair(0, wrong)

    def run(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own; return all rows."""
        return self.do(lambda base: base.execute(sql, tuple(values)).fetchall())

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction; again, where the file turned out to be damaged.

        Raises:
            sqlite3.DatabaseError: it could not be done, and nothing has changed.
        """
        generation = self._generation
        try:
            return self._try(work)
        except sqlite3.DatabaseError as error:
            if not _is_broken(error) or not self._check:
                raise
            self._repair(generation, str(error))
        return self._try(work)

    def sync(self) -> None:
        """Wait until all that was written is on the disk itself."""
        self.run("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close every thread's connection. Again does nothing."""
        with self._lock:
            for _, base in self._connections.values():
                base.close()
            self._connections.clear()

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._connection() as base:
                return work(base)
        except sqlite3.DatabaseError:
            self._leave()  # a new connection may do better once the disk does
            raise

    def _connection(self) -> sqlite3.Connection:
        """Return the calling thread's connection to the present file."""
        with self._lock:
            held = self._connections.get(threading.get_ident())
            generation = self._generation
        if held is not None and held[0] == generation:
            return held[1]
        self._leave()
        base = _connect(self.path)
        with self._lock:
            self._connections[threading.get_ident()] = generation, base
        return base

    def _leave(self) -> None:
        """Close the calling thread's connection."""
        with self._lock:
            held = self._connections.pop(threading.get_ident(), None)
        if held is not None:
            held[1].close()

    def _examine(self) -> str | None:
        """Make the tables of a new file; return what is wrong with an old one, if anything is."""
        try:
            base = self._connection()
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if version < self._version:
                base.executescript(
                    f"BEGIN; {self._schema} PRAGMA user_version = {self._version}; COMMIT;"
                )
            (found,) = base.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            self._leave()
            if not _is_broken(error):
                raise
            return str(error)
        if version > self._version:
            self.close()
            raise StorageError(
                f"{self.path.name} is in format {version}, and this version of Longwatch knows "
                f"formats up to {self._version}; use a later version, or another folder"
            )
        return None if found == "ok" else str(found)

    def _repair(self, generation: int, why: str) -> None:
        """Begin a new file with what can be read of this one, unless another thread has."""
        self._leave()
        with self._lock:
            if generation != self._generation:
                return
            aside = set_aside(self.path)
            self._generation += 1
            self.repaired = True
        self._examine()
        saved = salvage(aside, self._connection(), self._tables)
        log.error(
            "%s is damaged (%s): it was set aside as %s, and %d entries were saved",
            self.path,
            why,
            aside.name,
            saved,
        )


def _is_broken(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BROKEN


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.DatabaseError:
        base.close()
        raise
    return base
