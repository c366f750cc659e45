"""Laws of the table of watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import InputError, LimitError, NotFoundError
from longwatch.serve.auth.principal import Principal, acting_as
from longwatch.serve.watches.registry import MOST, WatchRegistry
from longwatch.serve.watches.scheduler import CheckScheduler
from longwatch.serve.watches.store import GONE, WatchStore
from longwatch.serve.watches.watch import WatchSettings, Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.serve.watches.watch import Watch

DOG = WatchSettings("a dog")


async def test_watches_come_back_from_the_disk(tmp_path: Path) -> None:
    table = WatchRegistry(CheckScheduler(), WatchStore(tmp_path))
    kept, gone = table.create(DOG), table.create(DOG)
    table.update(kept.id, {"cooldown_s": 3.0}, paused=True)
    table.delete(gone.id)
    await table.close()
    again = WatchRegistry(CheckScheduler(), WatchStore(tmp_path))
    assert [(w.id, w.state, w.settings.cooldown_s) for w in again.all()] == [
        (kept.id, "paused", 3.0)
    ]
    with pytest.raises(NotFoundError) as known:
        again.get(gone.id)
    assert known.value.code == "watch_deleted"
    await again.close()


def test_who_asks_for_a_deleted_watch_is_told_so_for_as_long_as_ids_are_kept() -> None:
    table = WatchRegistry(CheckScheduler())
    ids = []
    for _ in range(GONE + 1):
        ids.append(table.create(DOG).id)
        table.delete(ids[-1])
    codes = []
    for id_ in (ids[0], ids[1], ids[-1], "watch_x"):
        with pytest.raises(NotFoundError) as refused:
            table.get(id_)
        codes.append(refused.value.code)
    assert codes == ["watch_not_found", "watch_deleted", "watch_deleted", "watch_not_found"]


def test_a_change_is_told_and_an_ended_watch_begins_again() -> None:
    table, told = WatchRegistry(CheckScheduler()), list[tuple[str, dict[str, Any]]]()

    def listen(kind: str, _: Watch, fields: dict[str, Any]) -> None:
        told.append((kind, fields))

    table.listeners.append(listen)
    watch = table.create(WatchSettings("a dog", until=time.time() - 1))
    assert watch.state == "ended"
    assert table.update(watch.id, {"until": None}).state == "armed"
    assert told == [("lw.watch.state", {"watch_id": watch.id, "state": "armed", "fired": 0})]


def test_a_watch_ends_when_its_time_is_over() -> None:
    table = WatchRegistry(CheckScheduler())
    watch = table.create(WatchSettings("a dog", until=time.time() + 0.01))
    while table.get(watch.id).state != "ended":
        table.end_those_over()


def test_what_is_not_there_or_too_much_is_refused() -> None:
    table = WatchRegistry(CheckScheduler())
    for work in (table.get, table.delete, lambda name: table.update(name, {})):
        with pytest.raises(NotFoundError, match="no watch"):
            work("watch_x")
    with pytest.raises(InputError) as refused:
        table.create(WatchSettings("a dog", webhook=Webhook("ftp://host/x")))
    assert refused.value.code == "forbidden_url"
    for _ in range(MOST):
        table.create(DOG)
    with pytest.raises(LimitError):
        table.create(DOG)


def test_a_key_knows_only_the_watches_of_its_own_streams() -> None:
    table = WatchRegistry(CheckScheduler())
    with acting_as(Principal("one", streams=("hall", "door-*"))):
        mine = table.create(DOG)
    assert mine.covers("hall")
    assert not mine.covers("bedroom")
    with acting_as(Principal("two", streams=("bedroom",))):
        assert not table.visible()
        with pytest.raises(NotFoundError):
            table.get(mine.id)
    assert table.visible() == [mine]
