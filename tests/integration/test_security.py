"""Who gets in, what each key may, and that nothing of others is seen: on real connections."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import httpx
import pytest
import websockets
from fastapi.routing import APIRoute
from websockets.exceptions import InvalidStatus

from longwatch.serve.api.routes import all_routes
from longwatch.serve.api.status import StatusCollector
from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.auth.scopes import OPEN, scope_of_event, scope_of_request
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.realtime.messages import ClientEvent
from longwatch.serve.realtime.session import SessionRegistry
from longwatch.serve.service import Service
from tests.support import peer as p
from tests.support.service import Live, serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from longwatch.serve.auth.principal import Scope

SECRET = "garage-of-others"  # the name of a stream that the keys below must not learn
PAGE = websockets.Origin("http://localhost:3000")


class Locked(NamedTuple):
    """A service with keys."""

    live: Live
    file: KeyFile
    all: str
    nothing: str
    door: str
    asker: str
    feeder: str

    @property
    def url(self) -> str:
        return self.live.url


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    file = KeyFile(_folder(tmp_path_factory) / "keys.json")
    everything: list[Scope] = ["ask", "publish", "manage"]
    tokens = (
        file.add("all", everything)[1],
        file.add("nothing", [])[1],
        file.add("door", everything, ["door-*"])[1],
        file.add("asker", ["ask"])[1],
        file.add("feeder", ["publish"])[1],
    )
    with serve(TinyVideoLM(), keys=str(file.path), auth_seconds=1) as live:
        yield Locked(live, file, *tokens)


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("keys")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def http(locked: Locked, token: str | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=locked.url, headers=bearer(token) if token else {})


def socket(locked: Locked, token: str, query: str = "", **options: Any) -> Any:
    return p.connect(locked.url, query, additional_headers=bearer(token), **options)


def requests(locked: Locked) -> list[tuple[str, str]]:
    """Return every method and path of the service, with names filled in."""
    service = Service(locked.live.engine, locked.live.settings, Metrics(1))
    sessions = SessionRegistry(1.0, 1)
    routers = all_routes(service, sessions, StatusCollector(service, sessions))
    made = [route for router in routers for route in router.routes]
    found = [route for route in made if isinstance(route, APIRoute)]
    assert len(found) >= 9
    ways = [(m, r.path_format.format_map(Names())) for r in found for m in r.methods or ()]
    return [*ways, ("GET", "/openapi.json"), ("PUT", "/v1/not/there")]


class Names(dict[str, str]):
    """Fills every parameter of a path with the name of a stream that is there."""

    def __missing__(self, key: str) -> str:
        return SECRET


async def test_every_route_needs_a_key_and_its_scope_and_tells_nothing_without(
    locked: Locked,
) -> None:
    async with (
        socket(locked, locked.all) as owner,
        http(locked) as nobody,
        http(locked, locked.nothing) as powerless,
    ):
        await owner.feed(SECRET)
        for method, path in requests(locked):
            without = await nobody.request(method, path)
            told = await powerless.request(method, path)
            if path in OPEN or path.startswith("/page/"):  # what a browser loads, for everybody
                assert without.status_code == told.status_code != 401
                continue
            assert without.status_code == 401, path
            if method != "HEAD":
                assert _code(without) == "missing_key", path
            assert without.headers["www-authenticate"] == "Bearer"
            if scope_of_request(method, path) is not None:
                assert told.status_code == 403, path
                if method != "HEAD":
                    assert _code(told) == "scope_missing", path
            assert SECRET not in without.text + told.text


async def test_what_is_another_key_s_is_as_if_it_were_not_there(locked: Locked) -> None:
    async with (
        socket(locked, locked.all) as owner,
        socket(locked, locked.door) as other,
        http(locked, locked.door) as client,
    ):
        await owner.feed(SECRET)
        await other.feed("door-1")
        for method, path in requests(locked):
            reply = await client.request(method, path)
            if SECRET not in path:
                assert SECRET not in reply.text, path
            elif f"/streams/{SECRET}" in path:
                missing = await client.request(method, path.replace(SECRET, "none"))
                assert reply.status_code == missing.status_code == 404
                assert reply.text.replace(SECRET, "none") == missing.text
        listed = (await client.get("/v1/streams")).json()["data"]
        assert [stream["stream"] for stream in listed] == ["door-1"]
        for name in (SECRET, "none"):
            told = [
                await other.error({"type": "lw.stream.attach", "stream": name}),
                await other.error({"type": "lw.stream.close", "stream": name}),
                await other.error(p.create(lw={"streams": [name]})),
                await other.error(
                    {"type": "session.update", "session": {"lw": {"streams": [name]}}}
                ),
            ]
            assert {error["code"] for error in told} == {"stream_not_found"}
            assert all(SECRET not in error["message"].replace(name, "") for error in told)
            opened = await other.error({"type": "lw.stream.open", "stream": name})
            assert opened["code"] == "stream_not_allowed"
        answer = await other.ask()  # it is the only one that this key knows of
        assert list(answer[-1]["response"]["lw"]["as_of"]) == ["door-1"]
        body = {"model": "tiny", "messages": [{"role": "user", "content": "?"}], "max_tokens": 2}
        chat = await client.post("/v1/chat/completions", json=body)
        assert list(chat.json()["lw"]["as_of"]) == ["door-1"]
        chat = await client.post("/v1/chat/completions", json={**body, "lw": {"stream": SECRET}})
        assert (chat.status_code, _code(chat)) == (404, "stream_not_found")


def kinds() -> list[str]:
    return [str(get_args(e.model_fields["type"].annotation)[0]) for e in get_args(ClientEvent)]


async def test_every_event_needs_its_scope(locked: Locked) -> None:
    guarded = [kind for kind in kinds() if scope_of_event(kind) is not None]
    assert len(guarded) >= 8
    async with socket(locked, locked.nothing) as peer:
        for kind in guarded:
            event = least(kind)
            assert (await peer.error(event))["code"] == "scope_missing", kind
        await peer.ping()


def least(kind: str) -> dict[str, Any]:
    """Return the smallest event of a type that is well-formed."""
    event = next(
        e for e in get_args(ClientEvent) if kind in get_args(e.model_fields["type"].annotation)
    )
    given: dict[str, Any] = {"type": kind}
    values: dict[str, Any] = {"item": p.message("?")}
    for name, field in event.model_fields.items():
        if field.is_required() and name != "type":
            given[name] = values.get(name, "x")
    return given


async def test_asking_is_not_publishing_nor_the_other_way_round(locked: Locked) -> None:
    async with socket(locked, locked.all) as owner, socket(locked, locked.asker) as asker:
        await owner.feed("seen")
        await asker.ask(lw={"streams": ["seen"]})
        opening = {"type": "lw.stream.open", "stream": "mine"}
        assert (await asker.error(opening))["code"] == "scope_missing"
        assert (await asker.error(b"\xff\xd8\xff"))["code"] == "scope_missing"
    async with socket(locked, locked.feeder) as feeder:
        await feeder.feed("fed")
        assert (await feeder.error(p.create(lw={"streams": ["fed"]})))["code"] == "scope_missing"
        close = {"type": "lw.stream.close", "stream": "fed", "discard_memory": True}
        assert (await feeder.error(close))["code"] == "scope_missing"
    async with socket(locked, locked.feeder, "?stream=seen") as refused:
        assert await refused.closed() == 4403


@pytest.mark.parametrize("token", ["", "wrong", "lwk_00000000_" + "A" * 43])
async def test_a_wrong_key_is_refused_before_the_upgrade(locked: Locked, token: str) -> None:
    address = f"{locked.url.replace('http', 'ws', 1)}/v1/realtime"
    with pytest.raises(InvalidStatus) as told:
        await websockets.connect(address, additional_headers=bearer(token))
    assert told.value.response.status_code == 401
    assert b"A" * 43 not in bytes(told.value.response.body or b"")


async def test_a_revoked_key_is_out_at_once_and_its_connections_are_closed(locked: Locked) -> None:
    key, token = locked.file.add("short", ["ask", "publish"])
    async with (
        socket(locked, token) as busy,
        socket(locked, token) as idle,
        http(locked, token) as client,
    ):
        assert (await client.get("/v1/streams")).status_code == 200
        locked.file.revoke(key.id)
        assert (await client.get("/v1/streams")).status_code == 401
        assert (await busy.error({"type": "lw.ping"}))["code"] == "invalid_key"
        assert await busy.closed() == 4401
        assert (await idle.until("error"))["error"]["lw"]["fatal"] is True
        assert await idle.closed() == 4401


async def test_a_ticket_lets_a_page_in_once(locked: Locked) -> None:
    async with http(locked, locked.asker) as client:
        tickets = [(await client.post("/v1/tickets")).json()["ticket"] for _ in range(2)]
    async with p.connect(locked.url, f"?ticket={tickets[0]}", origin=PAGE) as peer:
        opening = {"type": "lw.stream.open", "stream": "x"}
        assert (await peer.error(opening))["code"] == "scope_missing"  # it may what its key may
    offer: list[Any] = ["realtime", f"openai-insecure-api-key.{tickets[1]}"]
    async with p.connect(locked.url, origin=PAGE, subprotocols=offer) as peer:
        assert peer.socket.subprotocol == "realtime"
    for query in (f"?ticket={tickets[0]}", f"?ticket={locked.all}", "?ticket="):
        assert await page(locked, query) == ("invalid_key", 4401)


async def test_a_page_may_say_who_it_is_first_of_all(locked: Locked) -> None:
    say = {"type": "lw.auth", "token": locked.all}
    address = f"{locked.url.replace('http', 'ws', 1)}/v1/realtime"
    async with websockets.connect(address, origin=PAGE) as connection:
        await connection.send(json.dumps(say))
        assert json.loads(await connection.recv())["type"] == "session.created"
    for first, code, close in (
        ({"type": "lw.auth", "token": "wrong"}, "invalid_key", 4401),
        ({"type": "lw.ping"}, "missing_key", 4401),
        ("[" * 4000, "missing_key", 4401),
        (b"\xff", "missing_key", 4401),
        (None, "auth_timeout", 4408),
    ):
        assert await page(locked, first=first) == (code, close)


async def page(locked: Locked, query: str = "", first: Any = None) -> tuple[str, int]:
    """Connect as a page that is refused; return the error's code and the close code."""
    address = f"{locked.url.replace('http', 'ws', 1)}/v1/realtime{query}"
    async with websockets.connect(address, origin=PAGE) as connection:
        if first is not None:
            await connection.send(json.dumps(first) if isinstance(first, dict) else first)
        error = json.loads(await connection.recv())["error"]
        assert error["lw"]["fatal"]
        await connection.wait_closed()
        return error["code"], connection.close_code or 0


async def test_pages_of_other_sites_and_names_of_other_sites_change_nothing(
    locked: Locked, tiny: Live
) -> None:
    evil = {"Origin": "http://evil.example"}
    async with httpx.AsyncClient(base_url=tiny.url) as client:
        for headers in (evil, {"Host": "evil.example"}, {"Host": f"evil.example:{tiny.url[-5:]}"}):
            reply = await client.post("/v1/tickets", headers=headers)
            assert reply.status_code == 403
            assert "access-control-allow-origin" not in reply.headers
        reply = await client.get("/v1/streams", headers={"Host": "evil.example"})
        assert (reply.status_code, _code(reply)) == (403, "host_not_allowed")
        assert (await client.get("/v1/streams")).status_code == 200
    async with http(locked, locked.all) as client:
        assert (await client.post("/v1/tickets", headers=evil)).status_code == 403
        own = {"Host": "cam.example", "Origin": "https://cam.example"}
        assert (await client.post("/v1/tickets", headers=own)).status_code == 200
    address = f"{tiny.url.replace('http', 'ws', 1)}/v1/realtime"
    with pytest.raises(InvalidStatus) as told:
        await websockets.connect(address, additional_headers={"Host": "evil.example"})
    assert told.value.response.status_code in (400, 403)


async def test_only_listed_pages_may_read_answers() -> None:
    with serve(TinyVideoLM(), origins=("https://ok.example",)) as live:
        async with httpx.AsyncClient(base_url=live.url) as client:
            for origin, allowed in (("https://ok.example", True), ("http://evil.example", False)):
                reply = await client.get("/v1/models", headers={"Origin": origin})
                assert (reply.headers.get("access-control-allow-origin") == origin) is allowed


async def test_metrics_are_for_managers_and_tell_of_their_streams_alone(locked: Locked) -> None:
    async with socket(locked, locked.all) as owner, http(locked, locked.door) as manager:
        await owner.feed(SECRET)
        shown = (await manager.get("/metrics")).text
        assert "longwatch_streams" in shown
        assert SECRET not in shown
    async with http(locked, locked.all) as client:
        assert SECRET in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    "name", ["..", ".", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a/../b", "\0", "a" * 65, "é"]
)
async def test_a_path_is_no_name(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        told = await peer.error({"type": "lw.stream.open", "stream": name})
        assert told["code"] in ("invalid_name", "invalid_value")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(tiny.url.rpartition(":")[2]))
    path = name.encode().replace(b"\0", b"%00")
    writer.write(b"GET /v1/streams/" + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in (b"404", b"400")


def _code(reply: httpx.Response) -> str:
    return str(reply.json()["error"]["code"])
