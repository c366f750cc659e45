"""When the next piece of a recording may be sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from longwatch.client.push import BackpressurePace, RealtimePace, make_pace
from longwatch.errors import ConfigError
from tests.support.client_peer import publish, talking


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_leads_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        make_pace(speed, pictures=True)


async def test_what_is_late_goes_at_once() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        pace = RealtimePace(1.0)
        await pace.wait(publisher, 1000.0, 1)  # the first piece sets the clock
        loop = asyncio.get_running_loop()
        before = loop.time()
        await pace.wait(publisher, 0.0, 1)
        await pace.wait(publisher, 1000.0, 1)
        assert loop.time() - before < 500


def stats(received: int, used: int, **dropped: int) -> dict[str, Any]:
    """Return the fields of a statistics event."""
    return {"stream": "cam1", "received": received, "used": used, "queue": 0, "dropped": dropped}


@pytest.mark.parametrize(("pictures", "limit"), [(True, 32), (False, 256)])
async def test_an_eager_sender_stays_within_its_limit(pictures: bool, limit: int) -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        pace = BackpressurePace(pictures=pictures)

        async def flood() -> None:
            for n in range(3 * limit):
                await pace.wait(publisher, 0.0, 1)
                await publisher.send(b"x", float(n))

        flooding = asyncio.create_task(flood())
        for n in range(limit):
            assert (await peer.packet()).sequence == n
        assert publisher.sent == limit
        await peer.say("lw.stream.stats", **stats(limit, 10, rate=5))
        for n in range(limit, limit + 15):
            assert (await peer.packet()).sequence == n
        assert publisher.sent == limit + 15
        await peer.say("lw.stream.stats", **stats(limit + 15, limit, rate=15))
        for n in range(limit + 15, 2 * limit + 15):
            assert (await peer.packet()).sequence == n
        flooding.cancel()


async def test_large_messages_count_by_their_bytes() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        pace = BackpressurePace(pictures=False)
        for _ in range(4):
            await pace.wait(publisher, 0.0, 2 * 2**20)
            await publisher.send(b"x", 0.0)
        waiting = asyncio.create_task(pace.wait(publisher, 0.0, 1))
        for _ in range(4):
            await peer.packet()
        assert not waiting.done()
        await peer.say("lw.stream.stats", **stats(4, 4))
        await asyncio.wait_for(waiting, 10)


async def test_pieces_that_are_no_frames_do_not_hold_it_up_for_ever() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        pace = BackpressurePace(pictures=True)
        for _ in range(32):
            await pace.wait(publisher, 0.0, 1)
            await publisher.send(b"x", 0.0)
        waiting = asyncio.create_task(pace.wait(publisher, 0.0, 1))
        for _ in range(32):
            await peer.packet()
        async with asyncio.timeout(10):
            while not waiting.done():
                await peer.say("lw.stream.stats", **stats(32, 0))
                await asyncio.sleep(0)
        await waiting
