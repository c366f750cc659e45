"""Who may connect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from tests.support import peer as p
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_programs_are_refused_before_the_upgrade_and_pages_after_it() -> None:
    with serve(TinyVideoLM(), max_sessions=1) as live:
        async with p.connect(live.url):
            await refused(live, 429, "too_many_sessions", 4429)
            await refused(live, 404, "model_not_found", 4404, query="?model=other")
        async with p.connect(live.url, origin="http://localhost:3000"):
            pass
        for origin in ("http://evil.example", "http://[", "null"):
            await refused(live, None, "origin_not_allowed", 1008, origin=origin)


async def refused(
    live: Live,
    status: int | None,
    code: str,
    close: int,
    query: str = "?model=tiny",
    origin: str = "http://localhost",
) -> None:
    address = f"{live.url.replace('http', 'ws', 1)}/v1/realtime{query}"
    if status is not None:
        with pytest.raises(InvalidStatus) as told:
            await websockets.connect(address)
        assert told.value.response.status_code == status
        assert json.loads(told.value.response.body)["error"]["code"] == code
    async with websockets.connect(address, origin=websockets.Origin(origin)) as socket:
        error = json.loads(await socket.recv())["error"]
        assert (error["code"], error["lw"]["fatal"]) == (code, True)
        await socket.wait_closed()
        assert socket.close_code == close


async def test_a_known_subprotocol_is_echoed(tiny: Live) -> None:
    async with p.connect(tiny.url, subprotocols=["other", "realtime"]) as peer:
        assert peer.socket.subprotocol == "realtime"
