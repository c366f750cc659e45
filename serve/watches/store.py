"""Watches on disk: what they watch for, how they are doing, and what they told already."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from longwatch.memory.durable.database import Database
from longwatch.serve.watches.trigger import Trigger
from longwatch.serve.watches.watch import Post, Watch, WatchSettings, Webhook

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from longwatch.serve.watches.watch import Firing

FILE = "watches.db"
FORMAT = 4  # 1 had no posts, 2 no firings, 3 did not know what was deleted
KEPT = 100  # firings of a watch, the newest
GONE = 1024  # ids of deleted watches, the newest
TABLES = ("watches", "rises", "posts", "firings", "deleted")
SCHEMA = """
CREATE TABLE IF NOT EXISTS watches (id TEXT PRIMARY KEY, created REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rises (
    watch TEXT NOT NULL, stream TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (watch, stream)
);
CREATE TABLE IF NOT EXISTS posts (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, hook TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS firings (
    watch TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (watch, number)
);
CREATE TABLE IF NOT EXISTS deleted (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL);
"""


class WatchStore:
    """Watches in one SQLite file; what was written is there after a kill. Any thread may call."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, or make it.

        Raises:
            StorageError: a later version wrote it.
            OSError, sqlite3.Error: it can be neither opened nor made.
        """
        self._base = Database(folder / FILE, SCHEMA, TABLES, FORMAT)
        (folder / FILE).chmod(0o600)  # it holds the secrets that sign webhooks

    def load(self) -> list[tuple[Watch, dict[str, Trigger]]]:
        """Return all watches, oldest first, and how each of their streams stood."""
        rises: dict[str, dict[str, Trigger]] = {}
        for watch, stream, body in self._base.run("SELECT watch, stream, body FROM rises"):
            rises.setdefault(watch, {})[stream] = Trigger(**json.loads(body))
        rows = self._base.run("SELECT body FROM watches ORDER BY created, id")
        watches = [_watch(json.loads(body)) for (body,) in rows]
        return [(watch, rises.get(watch.id, {})) for watch in watches]

    def firings(self) -> dict[str, list[Firing]]:
        """Return the newest KEPT firings of each watch, oldest first."""
        found: dict[str, list[Firing]] = {}
        for watch, body in self._base.run("SELECT watch, body FROM firings ORDER BY number"):
            found.setdefault(watch, []).append(json.loads(body))
        return found

    def put(
        self,
        watch: Watch,
        rises: dict[str, Trigger] | None = None,
        firing: Firing | None = None,
        post: Post | None = None,
    ) -> None:
        """Write down a watch, how these of its streams stand, a firing, and its post.

        All in one transaction, so that no kill falls between a firing and what is owed for it.
        """

        def write(base: sqlite3.Connection) -> None:
            body = json.dumps(asdict(watch))
            base.execute(
                "INSERT OR REPLACE INTO watches VALUES (?, ?, ?)", (watch.id, watch.created, body)
            )
            base.executemany(
                "INSERT OR REPLACE INTO rises VALUES (?, ?, ?)",
                [
                    (watch.id, name, json.dumps(asdict(rise)))
                    for name, rise in (rises or {}).items()
                ],
            )
            if firing is not None:
                number = firing["number"]
                given = (watch.id, number, json.dumps(firing))
                base.execute("INSERT OR REPLACE INTO firings VALUES (?, ?, ?)", given)
                old = (watch.id, number - KEPT)
                base.execute("DELETE FROM firings WHERE watch = ? AND number <= ?", old)
            if post is not None:
                owed = (post.id, json.dumps(asdict(post.hook)), post.body)
                base.execute("INSERT INTO posts (id, hook, body) VALUES (?, ?, ?)", owed)

        self._base.do(write)

    def posts(self) -> list[Post]:
        """Return what was to be posted and is not settled, oldest first."""
        rows = self._base.run("SELECT id, hook, body FROM posts ORDER BY number")
        return [Post(id_, Webhook(**json.loads(hook)), body) for id_, hook, body in rows]

    def settle(self, post_id: str) -> None:
        """Forget a post: it was sent, or given up."""
        self._base.run("DELETE FROM posts WHERE id = ?", (post_id,))

    def deleted(self) -> list[str]:
        """Return the ids of the newest GONE watches that were deleted, oldest first."""
        return [id_ for (id_,) in self._base.run("SELECT id FROM deleted ORDER BY number")]

    def remove(self, watch_id: str) -> None:
        """Forget a watch, but for its id."""

        def write(base: sqlite3.Connection) -> None:
            base.execute("DELETE FROM watches WHERE id = ?", (watch_id,))
            for table in ("rises", "firings"):
                base.execute(f"DELETE FROM {table} WHERE watch = ?", (watch_id,))
            base.execute("INSERT OR REPLACE INTO deleted (id) VALUES (?)", (watch_id,))
            base.execute(
                "DELETE FROM deleted WHERE number <= (SELECT max(number) FROM deleted) - ?", (GONE,)
            )

        self._base.do(write)

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def _watch(body: dict[str, Any]) -> Watch:
    settings = body.pop("settings")
    hook = settings.pop("webhook")
    streams = tuple(settings.pop("streams"))
    made = WatchSettings(**settings, streams=streams, webhook=hook and Webhook(**hook))
    allowed = tuple(body.pop("allowed"))
    body.pop("owner", None)  # of the formats before
    return Watch(**body, settings=made, allowed=allowed)
