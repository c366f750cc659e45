"""What a server knows of its streams besides their keys and values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.errors import ConfigError
from longwatch.memory.durable.database import Database

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

FORMAT = 2  # 1 had no alerts
DIALOGUE = 10_000  # exchanges of one stream that are kept
ALERTS = 1000  # of one stream, the newest
TABLES = ("streams", "dialogue", "thumbnails", "alerts")
SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
    name TEXT PRIMARY KEY, settings TEXT NOT NULL, model TEXT NOT NULL, created REAL NOT NULL,
    last_time REAL, frames INTEGER NOT NULL, tokens INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS dialogue (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, asked_at REAL NOT NULL, as_of REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS dialogue_of ON dialogue (stream, id);
CREATE TABLE IF NOT EXISTS thumbnails (
    stream TEXT NOT NULL, time REAL NOT NULL, size INTEGER NOT NULL, jpeg BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS thumbnail_of ON thumbnails (stream, time);
CREATE INDEX IF NOT EXISTS thumbnail_size ON thumbnails (stream, size);
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, time REAL NOT NULL, watch TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS alerts_of ON alerts (stream, id);
"""


class StreamEntry(NamedTuple):
    """One persistent stream."""

    name: str
    settings: dict[str, Any]  # as JSON holds them
    model: str  # which model, to the weights: another one cannot read its memory
    created: float  # seconds since 1970
    last_time: float | None = None  # of the newest frame, in seconds on the stream's clock
    frames: int = 0  # seen
    tokens: int = 0  # seen


class Exchange(NamedTuple):
    """One question about a stream, and what was answered."""

    asked_at: float  # seconds since 1970
    as_of: float  # seconds on the stream's clock
    question: str
    answer: str


class Alert(NamedTuple):
    """A watch that spoke up about a stream."""

    time: float  # seconds on the stream's clock
    watch: str  # its id
    text: str  # its condition


class Catalogue:
    """Streams, their dialogue, alerts and thumbnails, in one SQLite file.

    Any thread may call anything; writes are meant for the thread that writes everything else.
    """

    def __init__(self, path: Path, *, thumbnail_bytes: int = 64 << 20, check: bool = True) -> None:
        """Open the catalogue, or make it; `thumbnail_bytes` is what one stream's may take.

        Without `check` it is neither made nor repaired, see `Database`.

        Raises:
            ConfigError: the quota is not a size.
            StorageError: the file is in a format of a later version.
            OSError, sqlite3.Error: it can be neither opened nor made.
        """
        if thumbnail_bytes < 1:
            raise ConfigError(f"thumbnail_bytes must be at least 1, not {thumbnail_bytes}")
        self.thumbnail_bytes = thumbnail_bytes
        self._base = Database(path, SCHEMA, TABLES, FORMAT, check=check)

    @property
    def repaired(self) -> bool:
        """Tell whether the file was found damaged, so that entries may be missing."""
        return self._base.repaired

    def streams(self) -> list[StreamEntry]:
        """Return all streams, oldest first."""
        rows = self._base.run("SELECT * FROM streams ORDER BY created, name")
        return [StreamEntry(name, json.loads(text), *rest) for name, text, *rest in rows]

    def put_stream(self, entry: StreamEntry) -> None:
        """Enter a stream, or what has changed about it."""
        name, settings, *rest = entry
        self._base.run(
            "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, json.dumps(settings), *rest),
        )

    def note_progress(self, name: str, last_time: float | None, frames: int, tokens: int) -> None:
        """Enter how far a stream is; one that is not known stays unknown."""
        self._base.run(
            "UPDATE streams SET last_time = ?, frames = ?, tokens = ? WHERE name = ?",
            (last_time, frames, tokens, name),
        )

    def forget(self, name: str) -> None:
        """Remove a stream and all that belongs to it."""

        def work(base: sqlite3.Connection) -> None:
            base.execute("DELETE FROM streams WHERE name = ?", (name,))
            base.execute("DELETE FROM dialogue WHERE stream = ?", (name,))
            base.execute("DELETE FROM thumbnails WHERE stream = ?", (name,))
            base.execute("DELETE FROM alerts WHERE stream = ?", (name,))

        self._base.do(work)

    def add_exchange(self, stream: str, exchange: Exchange) -> None:
        """Put a question and its answer at the end of a stream's dialogue."""
        columns = "stream, asked_at, as_of, question, answer"
        sql = f"INSERT INTO dialogue ({columns}) VALUES (?, ?, ?, ?, ?)"
        self._add("dialogue", DIALOGUE, sql, stream, exchange)

    def dialogue(self, stream: str, last: int | None = None) -> list[Exchange]:
        """Return a stream's dialogue, oldest first; only the `last` exchanges if that is given."""
        rows = self._base.run(
            "SELECT asked_at, as_of, question, answer FROM dialogue WHERE stream = ? "
            "ORDER BY id DESC LIMIT ?",
            (stream, -1 if last is None else last),
        )
        return [Exchange(*row) for row in reversed(rows)]

    def add_alert(self, stream: str, alert: Alert) -> None:
        """Note that a watch spoke up; the newest are kept."""
        sql = "INSERT INTO alerts (stream, time, watch, text) VALUES (?, ?, ?, ?)"
        self._add("alerts", ALERTS, sql, stream, alert)

    def alerts(self, stream: str) -> list[Alert]:
        """Return when watches spoke up about a stream, oldest first."""
        rows = self._base.run(
            "SELECT time, watch, text FROM alerts WHERE stream = ? ORDER BY id", (stream,)
        )
        return [Alert(*row) for row in rows]

    def add_thumbnail(self, stream: str, time: float, jpeg: bytes) -> None:
        """Keep a picture of the frame at `time`, and thin out the oldest when there is no room.

        Every second one of the older half goes: what is long past gets sparse and is not cut off.
        """

        def work(base: sqlite3.Connection) -> None:
            base.execute(
                "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?)",
                (stream, time, len(jpeg), jpeg),
            )
            while self._thin(base, stream):
                pass

        self._base.do(work)

    def thumbnail_times(self, stream: str) -> list[float]:
        """Return the times that a stream has pictures of, in seconds, oldest first."""
        rows = self._base.run(
            "SELECT time FROM thumbnails WHERE stream = ? ORDER BY time", (stream,)
        )
        return [time for (time,) in rows]

    def thumbnail(self, stream: str, time: float) -> tuple[float, bytes] | None:
        """Return the time and the JPEG of the picture nearest to `time`; None if there is none."""
        rows = self._base.run(
            "SELECT * FROM (SELECT time, jpeg FROM thumbnails WHERE stream = ?1 AND time <= ?2 "
            "ORDER BY time DESC LIMIT 1) UNION ALL "
            "SELECT * FROM (SELECT time, jpeg FROM thumbnails WHERE stream = ?1 AND time > ?2 "
            "ORDER BY time LIMIT 1)",
            (stream, time),
        )
        return min(rows, key=lambda row: abs(row[0] - time), default=None)

    def sync(self) -> None:
        """Wait until all that was written is on the disk itself."""
        self._base.sync()

    def close(self) -> None:
        """Close every thread's connection. Again does nothing."""
        self._base.close()

    def _add(self, table: str, most: int, sql: str, stream: str, row: tuple[Any, ...]) -> None:
        """Put a row at the end of a stream's, of which the newest `most` stay."""

        def work(base: sqlite3.Connection) -> None:
            base.execute(sql, (stream, *row))
            base.execute(
                f"DELETE FROM {table} WHERE stream = ?1 AND id <= (SELECT id FROM {table} "
                "WHERE stream = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                (stream, most),
            )

        self._base.do(work)

    def _thin(self, base: sqlite3.Connection, stream: str) -> bool:
        """Let every second thumbnail of the older half go, if there are too many bytes."""
        of = "FROM thumbnails WHERE stream = ?"
        size, count = base.execute(f"SELECT sum(size), count(*) {of}", (stream,)).fetchone()
        if size <= self.thumbnail_bytes or count < 2:
            return False
        older = base.execute(
            f"SELECT time {of} ORDER BY time LIMIT ?", (stream, (count + 1) // 2)
        ).fetchall()
        base.executemany(
            f"DELETE {of} AND time = ?", [(stream, time) for (time,) in older[1::2] or older]
        )
        return True
