"""The routes beside questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from longwatch.serve.api.app import create_app
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from tests.support import peer as p
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.service import Live


@pytest.fixture
async def http(tiny: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=tiny.url) as client:
        yield client


async def test_a_running_service_is_healthy_and_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_without_the_model_s_thread_the_service_is_healthy_but_not_ready() -> None:
    app = create_app(Engine(TinyVideoLM()), Settings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get("/healthz")).status_code == 200
        reply = await http.get("/readyz")
    assert (reply.status_code, reply.json()["status"]) == (503, "not_ready")


async def test_streams_are_listed_with_their_state(
    tiny: Live, http: httpx.AsyncClient, name: str
) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 3)
        listed = {s["stream"]: s for s in (await http.get("/v1/streams")).json()["data"]}
        one = (await http.get(f"/v1/streams/{name}")).json()
    assert listed[name]["state"] == one["state"] == "online"
    assert one["memory"]["frames_seen"] == one["used"] == one["received"] == 3
    assert one["memory"]["newest_pts_us"] == 1_000_000
    assert one["memory"]["span_s"] == 1.0
    assert one["gaps"] == []


async def test_what_is_not_there_is_an_error_object(http: httpx.AsyncClient) -> None:
    for path, code in (("/v1/streams/none", "stream_not_found"), ("/v2", "not_found")):
        reply = await http.get(path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, code)
    reply = await http.get("/v1/chat/completions")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_the_schemas_are_served(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    assert {"/v1/chat/completions", "/v1/streams/{name}", "/v1/models", "/readyz"} <= set(paths)
    events = (await http.get("/v1/protocol.json")).json()["discriminator"]["mapping"]
    assert {"response.create", "lw.stream.open", "session.update"} <= set(events)
    assert (await http.get("/docs")).status_code == 404  # it would load scripts from elsewhere
