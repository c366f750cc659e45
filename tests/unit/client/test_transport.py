"""The laws of transports: the websocket, and the pair in one process."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import serve

from longwatch.client import connect
from longwatch.client.transport import open_websocket, pair, realtime_url
from longwatch.errors import ClosedError, InputError, ServerError

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8090", "ws://127.0.0.1:8090/v1/realtime"),
        ("https://host/", "wss://host/v1/realtime"),
        ("ws://host/v1", "ws://host/v1/realtime"),
        ("wss://host/base/v1/realtime?model=m", "wss://host/base/v1/realtime?model=m"),
        ("http://[::1]:1", "ws://[::1]:1/v1/realtime"),
    ],
)
def test_the_address_of_a_service_may_be_written_in_many_ways(url: str, address: str) -> None:
    assert realtime_url(url) == address


WRONG = ["", "127.0.0.1:8090", "ftp://host", "http://", "cam1", "http://host:x", "http://[::1"]


@pytest.mark.parametrize("url", [*WRONG, "http://host:0", "http://host:99999", "http://u:key@h:x"])
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:8090") as told:
        realtime_url(url)
    assert "key" not in str(told.value)


async def test_the_two_ends_of_a_pair_hear_each_other_in_order() -> None:
    here, there = pair()
    for n in range(5):
        await here.send(f"{n}")
        await there.send(bytes([n]))
    assert [await there.recv() for _ in range(5)] == [f"{n}" for n in range(5)]
    assert [await here.recv() for _ in range(5)] == [bytes([n]) for n in range(5)]


@pytest.mark.parametrize("end", [0, 1])
async def test_closing_one_end_closes_both(end: int) -> None:
    ends = pair()
    waiting = asyncio.create_task(ends[1 - end].recv())
    await ends[end].aclose()
    await ends[end].aclose()
    with pytest.raises(ClosedError):
        await asyncio.wait_for(waiting, 10)
    for transport in ends:
        with pytest.raises(ClosedError):
            await transport.send("x")


async def test_nobody_at_the_address_says_what_to_do_and_shows_no_password() -> None:
    with pytest.raises(ClosedError, match="longwatch serve") as caught:
        await open_websocket("http://user:secret@127.0.0.1:1", api_key="key", timeout=5)
    assert caught.value.code == "server_unreachable"
    assert "secret" not in str(caught.value)
    assert "key" not in str(caught.value)


async def test_a_refusal_before_the_upgrade_carries_the_server_s_words() -> None:
    async def refuse(connection: ServerConnection, request: Request) -> Response:
        assert request.headers["Authorization"] == "Bearer k"
        body = '{"error": {"type": "rate_limit_error", "code": "overloaded", "message": "full"}}'
        return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, body)

    async def nothing(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(nothing, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerError, match="full") as caught:
            await open_websocket(f"http://127.0.0.1:{port}", api_key="k", timeout=5)
        assert (caught.value.code, caught.value.kind) == ("overloaded", "rate_limit_error")


async def test_a_close_code_is_told() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send('{"type": "session.created", "session": {}}')
        await connection.close(1013, "overloaded")

    async with serve(leave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"http://127.0.0.1:{port}", reconnect=None) as client:
            with pytest.raises(ClosedError, match=r"1013 \(overloaded\)"):
                await client.ask("what?")
