"""Who has opened a websocket; tests/integration/test_security.py has the ways in."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import websockets

from longwatch.serve.auth.authenticator import STRANGERS
from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.realtime import route
from tests.support import peer as p
from tests.support.service import Live, serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = websockets.Origin("http://localhost")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Live, str]]:
    file = KeyFile(tmp_path / "keys.json")
    _, token = file.add("one", ["ask"])
    with serve(TinyVideoLM(), keys=str(file.path), auth_seconds=20) as live:
        yield live, token


async def test_strangers_do_not_take_the_place_of_those_who_have_a_key(
    locked: tuple[Live, str],
) -> None:
    live, token = locked
    address = f"{live.url.replace('http', 'ws', 1)}/v1/realtime"
    strangers = [await websockets.connect(address, origin=PAGE) for _ in range(STRANGERS)]
    async with websockets.connect(address, origin=PAGE) as late:
        async with asyncio.timeout(p.DEADLINE):
            error = json.loads(await late.recv())["error"]
        assert (error["code"], error["lw"]["retryable"]) == ("too_many_sessions", True)
        await late.wait_closed()
        assert late.close_code == 4429
    headers = {"Authorization": f"Bearer {token}"}
    async with p.connect(live.url, additional_headers=headers) as peer:
        await peer.ping()
    await strangers[0].send(json.dumps({"type": "lw.auth", "token": token}))
    assert json.loads(await strangers[0].recv())["type"] == "session.created"
    for stranger in strangers:
        await stranger.close()


async def test_a_page_that_leaves_before_it_says_who_it_is_leaves_nothing(
    locked: tuple[Live, str],
) -> None:
    live, token = locked
    address = f"{live.url.replace('http', 'ws', 1)}/v1/realtime"
    for _ in range(STRANGERS + 5):
        async with websockets.connect(address, origin=PAGE):
            pass
    async with websockets.connect(address, origin=PAGE) as page:
        await page.send(json.dumps({"type": "lw.auth", "token": token, "event_id": "e"}))
        assert json.loads(await page.recv())["type"] == "session.created"
        await page.send(json.dumps({"type": "lw.auth", "token": token}))  # once more does nothing
        await page.send(json.dumps({"type": "lw.ping", "t": 1}))
        while (event := json.loads(await page.recv()))["type"] != "lw.pong":
            assert event["type"] != "error"


async def test_a_first_message_that_is_too_long_is_not_even_read(locked: tuple[Live, str]) -> None:
    live, token = locked
    address = f"{live.url.replace('http', 'ws', 1)}/v1/realtime"
    say = json.dumps({"type": "lw.auth", "token": token, "more": "x" * route.LONGEST})
    async with websockets.connect(address, origin=PAGE) as page:
        await page.send(say)
        assert json.loads(await page.recv())["error"]["code"] == "missing_key"
