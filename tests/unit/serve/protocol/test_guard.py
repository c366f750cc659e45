"""What stands before every route; tests/integration/test_security.py goes through all routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.datastructures import Headers

from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.auth.principal import EVERYONE, NOBODY, Principal, current
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.protocol.guard import AuthMiddleware, bearer
from longwatch.serve.service import Service
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
    ],
)
def test_a_key_stands_after_bearer(header: str, token: str | None) -> None:
    assert bearer(Headers({"Authorization": header})) == token
    assert bearer(Headers()) is None


async def test_a_websocket_route_that_asks_nobody_who_it_is_serves_nobody(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    file.add("one", ["ask"])
    for keys, expected in (("", EVERYONE), (str(file.path), NOBODY)):
        settings = Settings(keys=keys)
        service = Service(Engine(TinyVideoLM()), settings, Metrics(1))
        seen: list[Principal] = []

        async def careless(_: Scope, __: Receive, ___: Send, seen: list[Principal] = seen) -> None:
            seen.append(current())

        await AuthMiddleware(careless, service)({"type": "websocket"}, _nothing, _nowhere)
        assert seen == [expected]
        assert current() is EVERYONE


async def _nothing() -> Message:
    return {"type": "websocket.connect"}


async def _nowhere(_: Message) -> None:
    pass
