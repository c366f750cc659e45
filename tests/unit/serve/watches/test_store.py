"""Laws of watches on disk."""

from __future__ import annotations

import json
import sqlite3
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.watches.registry import WatchRegistry
from longwatch.serve.watches.scheduler import CheckScheduler
from longwatch.serve.watches.store import FILE, GONE, KEPT, WatchStore
from longwatch.serve.watches.trigger import Trigger
from longwatch.serve.watches.watch import Post, Watch, WatchSettings, Webhook

if TYPE_CHECKING:
    from pathlib import Path

HOOK = Webhook("https://host/x", "secret")
WATCH = Watch("watch_1", WatchSettings("a dog", ("a", "b-*"), until=5e9, webhook=HOOK), 1.0)


def test_a_watch_comes_back_as_it_was(tmp_path: Path) -> None:
    store = WatchStore(tmp_path)
    rise = Trigger(since=1.0, told=True, fired=1.5, time=2.0, score=0.5)
    store.put(replace(WATCH, fired=3), {"a": rise})
    store.put(replace(WATCH, id="watch_0", created=0.0))
    again = WatchStore(tmp_path)  # as after a kill: nothing was closed
    assert again.load() == [
        (replace(WATCH, id="watch_0", created=0.0), {}),
        (replace(WATCH, fired=3), {"a": rise}),
    ]
    again.remove(WATCH.id)
    assert [watch.id for watch, _ in store.load()] == ["watch_0"]
    store.close()
    again.close()


def test_nobody_else_may_read_the_secrets(tmp_path: Path) -> None:
    WatchStore(tmp_path).close()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_what_is_owed_is_known_until_it_is_settled(tmp_path: Path) -> None:
    store, owed = (
        WatchStore(tmp_path),
        [Post(f"fire_{n}", HOOK, f'{{"n": {n}}}') for n in (3, 1, 2)],
    )
    for post in owed:
        store.put(WATCH, {"a": Trigger()}, post=post)
    again = WatchStore(tmp_path)  # as after a kill: nothing was closed
    assert again.posts() == owed
    again.settle("fire_1")
    again.remove(WATCH.id)  # what it told before is still owed
    assert store.posts() == [owed[0], owed[2]]
    store.close()
    again.close()


def test_the_newest_firings_of_each_watch_are_known_until_it_is_forgotten(tmp_path: Path) -> None:
    store, other = WatchStore(tmp_path), replace(WATCH, id="watch_2")
    for number in range(1, KEPT + 4):
        store.put(WATCH, firing={"number": number, "stream": "a"})
    store.put(other, firing={"number": 1, "stream": "b"})
    again = WatchStore(tmp_path)  # as after a kill: nothing was closed
    found = again.firings()
    assert [one["number"] for one in found[WATCH.id]] == list(range(4, KEPT + 4))
    assert found[other.id] == [{"number": 1, "stream": "b"}]
    assert WatchRegistry(CheckScheduler(), again).firings(WATCH.id, KEPT + 2) == [
        {"number": KEPT + 3, "stream": "a"}
    ]
    again.remove(WATCH.id)
    assert list(store.firings()) == [other.id]
    store.close()
    again.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_a_format_before_gets_what_it_lacks(tmp_path: Path, version: int) -> None:
    store = WatchStore(tmp_path)
    store.put(WATCH)
    store.close()
    with sqlite3.connect(tmp_path / FILE) as base:
        (body,) = base.execute("SELECT body FROM watches").fetchone()
        old = json.dumps({**json.loads(body), "owner": None})
        base.execute("UPDATE watches SET body = ?", (old,))
        gone = "".join(
            f"DROP TABLE {name};" for name in ("deleted", "firings", "posts")[: 4 - version]
        )
        base.executescript(f"{gone} PRAGMA user_version = {version}")
    base.close()
    store = WatchStore(tmp_path)
    assert [watch for watch, _ in store.load()] == [WATCH]
    assert store.posts() == []
    assert store.firings() == {}
    assert store.deleted() == []
    store.close()


def test_the_newest_ids_of_what_was_deleted_are_known(tmp_path: Path) -> None:
    store = WatchStore(tmp_path)
    for number in range(GONE + 3):
        store.remove(f"watch_{number}")
    again = WatchStore(tmp_path)  # as after a kill: nothing was closed
    assert again.deleted() == [f"watch_{number}" for number in range(3, GONE + 3)]
    store.close()
    again.close()
