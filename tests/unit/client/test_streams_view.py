"""A stream as one who follows it sees it."""

from __future__ import annotations

import asyncio

import pytest

from longwatch.client.streams import StreamView
from longwatch.errors import ClosedError

OFFLINE = {"type": "lw.stream.state", "state": "offline", "reason": "closed"}
GONE = {"type": "lw.stream.state", "state": "ended", "reason": "discarded"}


async def test_the_end_is_news_and_only_what_would_come_after_it_is_an_error() -> None:
    view = StreamView("cam1")
    waiting = asyncio.create_task(view.changed())
    await asyncio.sleep(0)
    view.take(OFFLINE)
    view.take(GONE)  # both before the other task gets its turn
    await waiting
    assert view.state == "ended"
    with pytest.raises(ClosedError, match="was discarded"):
        await view.changed()


async def test_who_waits_for_statistics_hears_that_there_will_be_none() -> None:
    view = StreamView("cam1")
    waiting = asyncio.create_task(view.next_stats())
    await asyncio.sleep(0)
    view.lose(ClosedError("the connection is gone"))
    with pytest.raises(ClosedError, match="connection is gone"):
        await waiting


async def test_the_latest_statistics_are_kept() -> None:
    view = StreamView("cam1")
    waiting = asyncio.create_task(view.next_stats())
    await asyncio.sleep(0)
    for used in (1, 2):
        event = {"type": "lw.stream.stats", "received": 3, "used": used}
        view.take({**event, "dropped": {"busy": 1, "rate": 5}})
    assert (await waiting).used == 2
    assert view.stats is not None
    assert view.stats.lost == 1
