"""How connections end."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from longwatch.serve import server
from longwatch.serve.realtime import connection
from tests.support import peer as p
from tests.support.media import still
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from tests.support.service import Live


FATAL: dict[str, tuple[list[Any], int, str | None]] = {
    "binary before a stream is open": ([still(1)], 1003, "no_open_stream"),
    "not JSON twice": (["{", "}"], 1007, "invalid_json"),
    "nested without end": (["[" * 100_000] * 2, 1007, "invalid_json"),
    "a protocol of the future": (
        [json.dumps({"type": "session.update", "session": {"lw": {"protocol": 9}}})],
        4400,
        "protocol_unsupported",
    ),
    "a message over the limit": (["x" * ((4 << 20) + 1)], 1009, None),
}


@pytest.mark.parametrize("case", FATAL)
async def test_a_fatal_error_is_told_before_the_connection_is_closed(tiny: Live, case: str) -> None:
    messages, close, code = FATAL[case]
    async with p.connect(tiny.url) as peer:
        with suppress(ConnectionClosed):  # the server need not have read it all
            for message in messages:
                await peer.send(message)
        if code is not None:
            while not (error := (await peer.until("error"))["error"])["lw"]["fatal"]:
                pass
            assert error["code"] == code
        assert await peer.closed() == close


async def test_text_that_is_not_utf8_ends_the_connection(tiny: Live) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.socket.send(b"\xff\xfe", text=True)
        assert await peer.closed() == 1007


async def test_the_end_of_the_service_is_a_restart_to_its_clients() -> None:
    with serve(TinyVideoLM()) as live:
        async with httpx.AsyncClient(base_url=live.url) as http:
            assert (await http.get("/readyz")).status_code == 200
            live.engine.close()
            reply = await http.get("/readyz")
            assert reply.status_code == 503
            assert reply.json()["reason"]
        peer = await websockets.connect(f"{live.url.replace('http', 'ws', 1)}/v1/realtime")
        await peer.recv()
    assert peer.close_code is None or peer.close_code == 1012
    await peer.wait_closed()
    assert peer.close_code == 1012


async def test_a_client_that_does_not_read_is_given_up_and_hurts_nobody(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PARTING_SECONDS", 0.1)
    monkeypatch.setattr(server, "ABORT_SECONDS", 0.1)
    with serve(TinyVideoLM(), send_queue_bytes=20_000) as live:
        silent = p.connect(live.url, max_queue=1, ping_interval=None, close_timeout=None)
        async with p.connect(live.url) as good, silent as lazy:
            await good.feed(name)
            with pytest.raises(ConnectionClosed):
                await flood(lazy)
            assert (await good.ask())[-1]["response"]["status"] == "incomplete"
            assert await lazy.closed() in (1013, 1006)  # the last bytes may not have fitted
        assert closes(live)["1013"] == 1


async def flood(peer: p.Peer) -> None:
    """Send, and never read what comes back."""
    while True:
        await peer.send({"type": "lw.ping", "t": "x" * 60})


def closes(live: Live) -> dict[str, float]:
    """Return how many connections ended, by close code."""
    with urlopen(f"{live.url}/metrics") as reply:
        families = text_string_to_metric_families(reply.read().decode())
    closed = next(f for f in families if f.name == "longwatch_ws_closed")
    return {s.labels["code"]: s.value for s in closed.samples if s.name.endswith("_total")}


async def test_a_burst_of_bad_messages_holds_nobody_up_and_each_one_is_told(tiny: Live) -> None:
    count = 10_000
    async with p.connect(tiny.url) as peer, p.connect(tiny.url) as other:

        async def send() -> None:
            for _ in range(count):
                await peer.send('{"type": "lw.nope"}')

        sending = asyncio.create_task(send())
        for told in range(count):
            assert (await peer.until("error"))["error"]["code"] == "unknown_event"
            if told % 1000 == 0:
                await other.ping()
        await sending
