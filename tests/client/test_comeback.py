"""What becomes of streams once a connection is back, with the server led line by line."""

from __future__ import annotations

import asyncio

import pytest

from longwatch.client.comeback import take_up
from longwatch.errors import LongwatchError
from longwatch.wire import Flags
from tests.client.peer import publish, talking


async def test_a_publisher_goes_on_after_what_arrived_and_says_that_time_is_missing() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        for n in range(5):
            await publisher.send(b"x", n / 2)
            await peer.packet()
        publisher.cut()
        taking = asyncio.create_task(take_up(client._channel, resumed=True))
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
        taking = asyncio.create_task(take_up(client._channel, resumed=True))
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
        taking = asyncio.create_task(take_up(client._channel, resumed=True))
        assert (await peer.heard())["type"] == "lw.stream.attach"
        await peer.say("lw.stream.state", stream="cam1", epoch=0, state="ended")
        await asyncio.wait_for(taking, 10.0)
        assert publisher.ended
