"""Watches by the client, with the real service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.client import Firing, connect
from longwatch.errors import ClosedError, ServerError
from longwatch.models.loader import load_model
from tests.integration.watches.test_runner import QUICK, THING, jpeg
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.client import Client
    from tests.support.service import Live

DEADLINE = 60.0


@pytest.fixture(scope="module")
def bundled() -> Iterator[Live]:
    """Serve the bundled model, which knows what it sees."""
    with serve(load_model("bundled")) as running:
        yield running


async def show(client: Client, stream: str, *things: str | None) -> None:
    """Feed a stream with pictures of things, or of nothing, half a second apart."""
    async with await client.open_stream(stream, fps=0, policy={"on_full": "block"}) as publisher:
        for i, thing in enumerate(things):
            await publisher.send(jpeg(thing, 40 * (i % 2)), i / 2)


async def test_each_firing_comes_as_it_happens(bundled: Live, stream: str) -> None:
    async with connect(bundled.url) as client, asyncio.timeout(DEADLINE):
        async with await client.watch_for(f"a {THING}", stream=stream, once=True, **QUICK) as watch:
            listed = await client.watches()
            assert watch.id in [one["id"] for one in listed]
            await show(client, stream, None, THING, THING)
            hits = [hit async for hit in watch]
            assert watch.state == "ended"
        (hit,) = hits
        assert isinstance(hit, Firing)
        assert (hit.watch, hit.stream) == (watch.id, stream)
        assert hit.time in {0.5, 1.0}
        assert hit.pictures == (f"/v1/streams/{stream}/frames/{round(hit.time * 1e6)}.jpg",)
        assert watch.id not in [one["id"] for one in await client.watches()]


async def test_a_watch_that_somebody_else_deletes_is_over(bundled: Live, stream: str) -> None:
    async with (
        connect(bundled.url) as maker,
        connect(bundled.url) as other,
        asyncio.timeout(DEADLINE),
    ):
        watch = await maker.watch_for(f"a {THING}", stream=stream, **QUICK)
        await other.delete_watch(watch.id)
        assert [hit async for hit in watch] == []
        assert maker._channel.router.watches == {}


async def test_a_watch_that_is_refused_does_not_spoil_the_next(bundled: Live, stream: str) -> None:
    async with connect(bundled.url) as client, asyncio.timeout(DEADLINE):
        made = await asyncio.gather(
            client.watch_for("a dog", threshold=7.0),
            client.watch_for("a cat", stream=stream),
            return_exceptions=True,
        )
        assert isinstance(made[0], ServerError)
        if isinstance(made[1], BaseException):
            raise made[1]
        assert made[1].condition == "a cat"
        await client.delete_watch(made[1].id)
        assert [hit async for hit in made[1]] == []
        with pytest.raises(ServerError):
            await made[1].delete()


async def test_who_waits_learns_that_the_connection_is_gone(bundled: Live, stream: str) -> None:
    async with connect(bundled.url) as client:
        watch = await client.watch_for("a dog", stream=stream)
    with pytest.raises(ClosedError):
        await watch.next()
    async with connect(bundled.url) as again:
        await again.delete_watch(watch.id)  # it stayed
