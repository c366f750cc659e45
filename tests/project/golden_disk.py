"""The form of what a service writes to disk, read without the service's own code.

Names of files, tables, fields and kinds of tensors; not values, but for what an archive is signed
with.
"""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.project.golden_session import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TITLE = b"LONGWATCH LOG 1\n"
HEAD = struct.Struct("<4sIIIQq")  # magic, sum, sum of the body, kind, length of the body, id
NUMBER = re.compile(r"\d{8}")
PASSING = ("-shm", "-wal", "lock", "about.json", "stream.tar")


def form(data: Path, before: Path, stream: str, bundle: Path) -> dict[str, Any]:
    """Return the form of a data folder and of one `stream` in it, exported as `bundle`.

    What stood in it `before`, as an earlier version wrote it, is left out.
    """
    (folder,) = data.glob(f"streams/{stream}@*")
    return {
        "files": sorted(p.name for p in data.iterdir() if not p.name.endswith(PASSING)),
        "stream": sorted({NUMBER.sub("N", _place(p, folder)) for p in _files(folder)}),
        "stream.json": paths([json.loads((folder / "stream.json").read_text())]),
        "keys.json": paths([json.loads((data / "keys.json").read_text())]),
        "sources.json": paths(json.loads((data / "sources.json").read_text()).values()),
        "logs": {log.name: _records(log) for log in sorted(folder.iterdir()) if log.is_dir()},
        "catalogue.sqlite": _tables(data / "catalogue.sqlite", before / "catalogue.sqlite"),
        "watches.db": _tables(data / "watches.db", before / "watches.db"),
        "bundle": _members(bundle),
    }


def seen(data: Path, stream: str) -> int:
    """Return how many frames the newest commit of a stream on disk has seen."""
    logs = [log for log in data.glob(f"streams/{stream}@*/window/*.log") if log.stat().st_size]
    commits = [about["frames"] for log in logs for kind, about, _ in _scan(log) if kind == 2]
    return max(commits, default=0)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _place(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _scan(log: Path) -> Iterator[tuple[int, dict[str, Any], list[list[Any]]]]:
    """Yield kind, description and tensors' types of each record."""
    data = log.read_bytes()
    if not data.startswith(TITLE):
        raise ValueError(f"{log} does not begin with {TITLE!r}")
    at = len(TITLE)
    while at + HEAD.size <= len(data):
        magic, _, _, kind, length, _ = HEAD.unpack_from(data, at)
        if magic != b"\xabLW\n":
            raise ValueError(f"{log} has no record at {at}")
        body = data[at + HEAD.size : at + HEAD.size + length]
        end = 4 + int.from_bytes(body[:4], "little")
        about, tensors = json.loads(body[4:end])
        yield kind, about, tensors
        at += HEAD.size + length


def _records(log: Path) -> dict[str, Any]:
    """Return the fields of each kind of record of a log, and how many axes its tensors have."""
    found: dict[str, Any] = {}
    for path in sorted(log.glob("*.log")):
        for kind, about, tensors in _scan(path):
            shown = found.setdefault(f"kind {kind}", {"fields": set(), "tensors": []})
            shown["fields"] |= set(paths([about]))
            shown["tensors"] = [f"{dtype}, {len(shape)} axes" for dtype, shape in tensors]
            if about.get("archive"):
                shown["archive"] = about["archive"]
    return {kind: {**each, "fields": sorted(each["fields"])} for kind, each in found.items()}


def _tables(path: Path, before: Path) -> dict[str, Any]:
    """Return how a database is laid out, and the fields of the JSON in rows that are new."""
    with closing(sqlite3.connect(path)) as base, closing(sqlite3.connect(before)) as old:
        (version,) = base.execute("PRAGMA user_version").fetchone()
        made = base.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1")
        layout = {name: " ".join(sql.split()) for name, sql in made}
        tables = [name for name, sql in layout.items() if sql.startswith("CREATE TABLE")]
        found = {name: _json(base, old, name) for name in tables}
    return {"version": version, "layout": layout, "json": {k: v for k, v in found.items() if v}}


def _json(base: sqlite3.Connection, old: sqlite3.Connection, table: str) -> dict[str, list[str]]:
    rows = base.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in rows.description]
    known = set(old.execute(f"SELECT * FROM {table}"))
    found: dict[str, list[Any]] = {}
    for row in set(rows) - known:
        for name, value in zip(names, row, strict=True):
            if isinstance(value, str) and value.startswith("{"):
                found.setdefault(name, []).append(json.loads(value))
    return {name: paths(found[name]) for name in names if name in found}


def _members(bundle: Path) -> dict[str, Any]:
    """Return the names of what an exported stream holds, and the fields of the JSON in it."""
    found: dict[str, Any] = {}
    with tarfile.open(bundle) as tar:
        for member in tar:
            name = re.sub(r"[0-9a-f]{64}", "SHA256", member.name)
            name = re.sub(r"\d{8}|(?<=thumbnails/)\d+", "N", name)
            content = tar.extractfile(member)
            text = content.read() if content is not None and name.endswith(".json") else b"{}"
            known = [path for path in paths([json.loads(text)]) if not path.startswith("sha256.")]
            found[name] = known
    return found
