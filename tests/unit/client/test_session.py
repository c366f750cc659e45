"""The laws of requests and replies over one transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.client.session import Session
from longwatch.client.transport import pair
from longwatch.errors import ClosedError, ServerError
from tests.support.client_peer import talking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longwatch.client.transport import Transport


async def test_what_is_no_event_ends_the_connection_with_a_reason() -> None:
    async with talking() as (client, peer):
        asking = asyncio.create_task(client.ask("what?"))
        await peer.heard()
        await peer.transport.send("[1, 2]")
        with pytest.raises(ClosedError, match="no event of the protocol"):
            await asking


async def test_a_server_that_does_not_reply_is_given_up() -> None:
    async with talking(timeout=0.05) as (client, _):
        with pytest.raises(ClosedError, match=r"within 0\.05 s") as caught:
            await client.ask("what?")
        assert caught.value.code == "timeout"


async def test_a_cancel_that_comes_along_with_the_reply_is_not_lost() -> None:
    mine, theirs = pair()

    async def opener(_: Mapping[str, str]) -> Transport:
        return mine

    await theirs.send('{"type": "session.created"}')
    channel = Session(opener, timeout=10.0)
    await channel.open()
    asking = asyncio.create_task(channel.request({"type": "lw.ping"}, "lw.pong", "1"))
    await theirs.recv()
    channel.router.take({"type": "lw.pong", "t": 1})
    asking.cancel()  # before the task could run with its reply
    with pytest.raises(asyncio.CancelledError):
        await asking
    await channel.aclose()


@pytest.mark.parametrize("refused", [True, False])
async def test_a_command_ends_with_its_error_or_when_the_server_is_past_it(refused: bool) -> None:
    async with talking() as (client, peer):
        closing = asyncio.create_task(client.close_stream("cam1"))
        event, ping = await peer.heard(), await peer.heard()
        assert (event["type"], ping["type"]) == ("lw.stream.close", "lw.ping")
        if refused:
            error = {"code": "stream_not_found", "message": "no", "event_id": event["event_id"]}
            await peer.say("error", error=error)
        await peer.say("lw.pong", t=ping["t"], server_time=0.0)
        if refused:
            with pytest.raises(ServerError):
                await closing
        else:
            await closing
