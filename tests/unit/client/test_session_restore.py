"""What becomes of streams once a connection is back, with the server led line by line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.client.session import restore_after_reconnect
from longwatch.errors import LongwatchError
from longwatch.wire import Flags
from tests.support.client_peer import publish, talking

if TYPE_CHECKING:
    from longwatch.client import Client
    from longwatch.client.watches import Watch
    from tests.support.client_peer import Peer


async def test_a_publisher_goes_on_after_what_arrived_and_says_that_time_is_missing() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        for n in range(5):
            await publisher.send(b"x", n / 2)
            await peer.packet()
        publisher.cut()
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=True))
        assert (await peer.heard())["type"] == "lw.stream.open"
        await peer.say("lw.stream.opened", stream="cam1", handle=9, epoch=1, acked_seq=2)
        await taking
        await publisher.send(b"y", 9.0)
        first = await peer.packet()
        assert (first.handle, first.sequence) == (9, 3)
        assert first.flags & Flags.DISCONTINUITY
        await publisher.send(b"z", 9.5)
        assert not (await peer.packet()).flags & Flags.DISCONTINUITY


async def test_a_stream_that_another_feeds_meanwhile_is_lost_and_the_others_are_not() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        publisher.cut()
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=True))
        cause = (await peer.heard())["event_id"]
        error = {"code": "publisher_taken", "message": "no", "event_id": cause}
        await peer.say("error", error=error)
        await taking
        with pytest.raises(LongwatchError) as told:
            await publisher.changed()
        assert told.value.code == "publisher_taken"
        assert not client.closed


async def test_what_was_read_to_its_end_is_not_opened_again() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        await publisher.end()
        await peer.packet()
        publisher.cut()
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=True))
        assert (await peer.heard())["type"] == "lw.stream.attach"
        await peer.say("lw.stream.state", stream="cam1", epoch=0, state="ended")
        await asyncio.wait_for(taking, 10.0)
        assert publisher.ended


def told(watch: str, number: int) -> dict[str, Any]:
    return {
        "watch_id": watch,
        "number": number,
        "stream": "cam1",
        "pts_us": number,
        "text": "a dog",
    }


async def watching(client: Client, peer: Peer) -> Watch:
    """Return a watch that the server made."""
    making = asyncio.create_task(client.watch_for("a dog", stream="cam1", cooldown_s=1.0))
    asked = await peer.heard()
    await peer.say(
        "lw.watch.created",
        cause=asked["event_id"],
        watch={"id": "watch_1", "state": "armed", "fired": 0},
    )
    return await making


async def test_a_watch_goes_on_in_a_new_session_with_what_was_missed() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        await peer.say("lw.watch.fired", **told("watch_1", 1))
        first = await watch.next()
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=False))
        asked = await peer.heard()
        assert (asked["type"], asked["watch_id"]) == ("lw.watch.attach", "watch_1")
        assert asked["after"] == 1
        for number in (1, 2, 3, 3):  # what came before is not told again
            await peer.say("lw.watch.fired", **told("watch_1", number))
        ended = {"id": "watch_1", "state": "ended", "fired": 3}
        await peer.say("lw.watch.attached", cause=asked["event_id"], watch=ended)
        await asyncio.wait_for(taking, 10.0)
        later = [firing.number async for firing in watch]
        assert first is not None
        assert [first.number, *later] == [1, 2, 3]
        assert watch.state == "ended"


async def test_a_watch_that_the_server_has_forgotten_is_made_again() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=False))
        error = {"code": "watch_not_found", "event_id": (await peer.heard())["event_id"]}
        await peer.say("error", error=error)
        asked = await peer.heard()
        assert (asked["type"], asked["condition"]) == ("lw.watch.create", "a dog")
        assert (asked["streams"], asked["cooldown_s"]) == (["cam1"], 1.0)
        anew = {"id": "watch_2", "state": "armed", "fired": 0}
        await peer.say("lw.watch.created", cause=asked["event_id"], watch=anew)
        await asyncio.wait_for(taking, 10.0)
        await peer.say("lw.watch.fired", **told("watch_1", 1))  # not ours any more
        await peer.say("lw.watch.fired", **told("watch_2", 1))
        firing = await watch.next()
        assert firing is not None
        assert (firing.watch, watch.id) == ("watch_2", "watch_2")


async def test_a_watch_that_had_ended_is_not_made_again() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        await peer.say("lw.watch.state", watch_id="watch_1", state="ended", fired=0)
        assert await watch.next() is None
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=False))
        error = {"code": "watch_not_found", "event_id": (await peer.heard())["event_id"]}
        await peer.say("error", error=error)
        await asyncio.wait_for(taking, 10.0)
        assert client._channel.router.watches == {}


async def test_a_watch_that_was_deleted_meanwhile_ends_and_is_not_made_again() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=False))
        error = {"code": "watch_deleted", "event_id": (await peer.heard())["event_id"]}
        await peer.say("error", error=error)
        await asyncio.wait_for(taking, 10.0)
        assert client._channel.router.watches == {}
        assert await asyncio.wait_for(watch.next(), 10.0) is None


async def test_a_watch_in_a_session_that_went_on_is_left_alone() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        await asyncio.wait_for(restore_after_reconnect(client._channel, resumed=True), 10.0)
        await peer.say("lw.watch.fired", **told("watch_1", 1))
        assert await watch.next() is not None
        assert client._channel.router.watches == {"watch_1": watch}


async def test_a_watch_that_may_not_be_followed_any_more_says_so() -> None:
    async with talking() as (client, peer):
        watch = await watching(client, peer)
        taking = asyncio.create_task(restore_after_reconnect(client._channel, resumed=False))
        error = {"code": "forbidden", "event_id": (await peer.heard())["event_id"]}
        await peer.say("error", error=error)
        await asyncio.wait_for(taking, 10.0)
        with pytest.raises(LongwatchError) as refused:
            await watch.next()
        assert refused.value.code == "forbidden"
