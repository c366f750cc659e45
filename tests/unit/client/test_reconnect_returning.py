"""The client against a real service over a network that breaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.client import Notice, Reconnect, connect
from longwatch.client.media import jpeg
from longwatch.errors import ClosedError
from tests.support.relay import relaying
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from longwatch.client import Client, Publisher
    from tests.support.service import Live

DEADLINE = 30.0
SOON = Reconnect(first=0.05, most=0.2, seconds=60.0)
TOKENS = 120


def picture(seed: int) -> bytes:
    """Return a small JPEG."""
    return jpeg(np.random.default_rng(seed).integers(0, 255, (32, 32, 3), np.uint8))


async def fed(client: Client, stream: str, **policy: object) -> Publisher:
    """Open a stream and wait until the model has read three pictures."""
    publisher = await client.open_stream(stream, fps=0, policy={"queue": 64, **policy})
    for n in range(3):
        await publisher.send(picture(n), n / 4)
    async with asyncio.timeout(DEADLINE):
        while (await publisher.next_stats()).used < 3:
            pass
    return publisher


async def seen(notices: list[Notice], kind: str) -> Notice:
    """Wait for a notice of that kind."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = [notice for notice in notices if notice.kind == kind]
            if found:
                return found[-1]
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0])
async def test_answers_that_are_cut_in_their_middle_are_those_of_an_uncut_run(
    live: Live, stream: str, seconds: float
) -> None:
    notices: list[Notice] = []
    async with relaying(live.url) as relay, connect(live.url) as whole:
        await fed(whole, stream)
        asked = [f"what is {n}?" for n in range(3)]
        wanted = [
            await (await whole.ask(q, stream=stream, max_tokens=TOKENS)).read() for q in asked
        ]
        async with connect(relay.url, reconnect=SOON, on_notice=notices.append) as client:
            answers = [await client.ask(q, stream=stream, max_tokens=TOKENS) for q in asked]
            async for _ in answers[0]:
                break
            relay.cut(refuse=True)
            await asyncio.sleep(seconds)
            relay.heal()
            async with asyncio.timeout(DEADLINE):
                assert [await answer.read() for answer in answers] == wanted
            assert (await seen(notices, "resumed")).seconds >= seconds
            assert [notice.kind for notice in notices] == ["lost", "resumed"]
            assert relay.served >= 2


async def test_a_request_that_never_arrived_is_sent_again_and_once(live: Live, stream: str) -> None:
    async with relaying(live.url) as relay, connect(live.url) as whole:
        await fed(whole, stream)
        wanted = await (await whole.ask("what?", stream=stream, max_tokens=8)).read()
        async with connect(relay.url, reconnect=SOON) as client:
            for stalled in (True, False):  # lost on the way there, and perhaps on the way back
                if stalled:
                    relay.stall()
                asking = asyncio.create_task(client.ask("what?", stream=stream, max_tokens=8))
                await asyncio.sleep(0.05)
                relay.cut()
                relay.heal()
                async with asyncio.timeout(DEADLINE):
                    assert await (await asking).read() == wanted


async def test_a_publisher_goes_on_without_what_is_stale(live: Live, stream: str) -> None:
    notices: list[Notice] = []
    async with (
        relaying(live.url) as relay,
        connect(relay.url, reconnect=SOON, on_notice=notices.append) as client,
    ):
        publisher = await fed(client, stream)
        relay.cut(refuse=True)
        await seen(notices, "lost")
        for n in range(3, 40):
            await publisher.send(picture(n), n / 4)
        assert publisher.skipped == 37
        relay.heal()
        await seen(notices, "resumed")
        async with asyncio.timeout(DEADLINE):
            while publisher.sent < 5:  # two seconds and a bit after the last that arrived
                await publisher.send(picture(publisher.sent), 2.53 + publisher.sent / 4 - 0.75)
                await asyncio.sleep(0.01)
            stats = await publisher.drain()
        assert stats is not None
        assert (stats.used, stats.acked_seq) == (5, publisher.sent - 1)
        assert live.engine.stream(stream).timeline.gaps == [(0.5, 2.53)]


async def test_a_recording_waits_until_the_connection_is_back(live: Live, stream: str) -> None:
    notices: list[Notice] = []
    async with (
        relaying(live.url) as relay,
        connect(relay.url, reconnect=SOON, on_notice=notices.append) as client,
    ):
        publisher = await fed(client, stream, on_full="block")
        relay.cut()
        await seen(notices, "lost")  # what was sent before that may be lost
        async with asyncio.timeout(DEADLINE):
            for n in range(3, 8):
                await publisher.send(picture(n), n / 4)
            stats = await publisher.drain()
        assert publisher.skipped == 0
        assert stats is not None
        assert stats.used == 8


async def test_a_client_that_is_not_to_reconnect_says_that_the_connection_is_gone(
    live: Live, stream: str
) -> None:
    async with relaying(live.url) as relay, connect(live.url) as whole:
        await fed(whole, stream)
        async with connect(relay.url, reconnect=None) as client:
            answer = await client.ask("what?", stream=stream, max_tokens=4000)
            relay.cut()
            with pytest.raises(ClosedError, match="connection is gone"):
                await answer.read()
            assert client.closed


async def test_a_client_gives_up_with_a_reason(live: Live, stream: str) -> None:
    given = Reconnect(first=0.01, most=0.01, seconds=0.05)
    async with relaying(live.url) as relay, connect(live.url) as whole:
        await fed(whole, stream)
        async with connect(relay.url, reconnect=given) as client:
            answer = await client.ask("what?", stream=stream, max_tokens=4000)
            relay.cut(refuse=True)
            with pytest.raises(ClosedError) as told:
                await answer.read()
            assert told.value.code == "reconnect_failed"


async def test_where_the_session_is_over_streams_are_fed_again_and_answers_fail(
    stream: str,
) -> None:
    notices: list[Notice] = []
    with serve(TinyVideoLM(), resume_seconds=0.05) as live:
        async with (
            relaying(live.url) as relay,
            connect(relay.url, reconnect=SOON, on_notice=notices.append) as client,
        ):
            publisher = await fed(client, stream)
            answer = await client.ask("what?", stream=stream, max_tokens=4000)
            relay.cut(refuse=True)
            await asyncio.sleep(0.5)
            relay.heal()
            with pytest.raises(ClosedError) as told:
                await asyncio.wait_for(answer.read(), DEADLINE)
            assert told.value.code == "resume_expired"
            await seen(notices, "restarted")
            async with asyncio.timeout(DEADLINE):
                while publisher.sent < 4:
                    await publisher.send(picture(9), 9.0)
                    await asyncio.sleep(0.01)
                while (await publisher.next_stats()).used < 4:
                    pass
            assert await (await client.ask("what?", stream=stream, max_tokens=4)).read()
