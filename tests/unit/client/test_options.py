"""Laws of how one service is reached again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from longwatch.client.options import Dialer

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_each_dial_is_a_session_of_its_own_unless_one_is_named(live: Live) -> None:
    dialer = Dialer(live.url, None, 10.0, None)
    first = await dialer.open()
    told = json.loads(await first.recv())["session"]
    token = told["lw"]["resume"]["token"]
    second = await dialer.open()
    assert json.loads(await second.recv())["session"]["id"] != told["id"]
    third = await dialer.open({"resume": token, "after": "evt_1"})
    assert json.loads(await third.recv())["token"] == token
    for transport in (first, second, third):
        await transport.aclose()
    body, headers = await dialer.read("/v1/models")
    assert json.loads(body)["data"][0]["id"] == live.engine.model.name
    assert headers["content-type"] == "application/json"
