"""Watches on real sockets, with the bundled model and pictures of known things."""

from __future__ import annotations

import asyncio
import io
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from longwatch.models.loader import load_model
from longwatch.stream.sources import painting, pictograms
from longwatch.wire import Kind, Packet
from tests.support import peer as p
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.service import Live

THING = "rooster"
QUICK = {"min_duration_s": 0.0, "cooldown_s": 0.0}


def jpeg(thing: str | None, shade: int = 0) -> bytes:
    """Return a picture of a thing on grey, or of nothing."""
    image = np.full((240, 320, 3), 120 + shade, np.uint8)
    if thing is not None:
        painting.paste(image, pictograms.sprite(thing), (0.5, 0.5), 0.9)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()


@asynccontextmanager
async def showing(live: Live, name: str) -> AsyncIterator[Show]:
    async with p.connect(live.url) as peer:
        yield Show(peer, await peer.open(name))


class Show:
    """Feeds a stream with what a test wants to be seen."""

    def __init__(self, peer: p.Peer, handle: int) -> None:
        self._peer, self._handle = peer, handle
        self.time = 0.0

    async def show(self, thing: str | None, frames: int = 3) -> None:
        """Push pictures, half a second of the stream apart, and wait until they were read."""
        for _ in range(frames):
            number = round(2 * self.time)
            data = jpeg(thing, 40 * (number % 2))
            packet = Packet(Kind.IMAGE, self._handle, number, round(self.time * 1e6), data)
            await self._peer.send(packet.encode())
            self.time += 0.5
            while (await self._peer.until("lw.stream.stats"))["used"] <= number:
                pass


async def checked(live: Live) -> None:
    """Wait until nothing is left to be looked at."""
    before = -1.0
    async with asyncio.timeout(p.DEADLINE), httpx.AsyncClient(base_url=live.url) as web:
        while True:
            text = (await web.get("/metrics")).text
            lines = [line for line in text.splitlines() if line.startswith("longwatch_watch_check")]
            now = sum(float(line.split()[-1]) for line in lines if "_total" in line)
            if now == before:
                return
            before = now
            await asyncio.sleep(0.3)


async def test_a_watch_tells_its_session_once_for_each_time(bundled: Live, name: str) -> None:
    async with p.connect(bundled.url) as session, showing(bundled, name) as stream:
        asked = {"condition": f"tell me when you see a {THING}", "streams": [name], **QUICK}
        await session.send({"type": "lw.watch.create", "event_id": "c1", **asked})
        made = await session.until("lw.watch.created", cause="c1")
        watch = made["watch"]
        assert watch["state"] == "armed"
        await stream.show(None)
        await checked(bundled)
        await stream.show(THING, 1)
        fired = await session.until("lw.watch.fired")
        assert (fired["watch_id"], fired["stream"]) == (watch["id"], name)
        assert fired["pts_us"] == 1_500_000
        assert fired["score"] > 0.5
        (evidence,) = fired["evidence"]
        assert evidence["url"] == f"/v1/streams/{name}/frames/1500000.jpg"
        state = await session.until("lw.watch.state")
        assert (state["state"], state["fired"]) == ("fired", 1)
        await stream.show(THING, 3)
        await checked(bundled)
        await session.send({"type": "lw.watch.list"})
        event: dict[str, Any] = {}
        while event.get("type") != "lw.watch.listed":
            event = await session.receive()
            assert event["type"] != "lw.watch.fired"  # it was told already
        mine = next(one for one in event["watches"] if one["id"] == watch["id"])
        assert mine["fired"] == 1
        await session.send({"type": "lw.watch.delete", "watch_id": watch["id"]})
        await session.until("lw.watch.deleted", watch_id=watch["id"])


async def test_who_follows_a_stream_is_told_and_nobody_else(bundled: Live, name: str) -> None:
    async with (
        showing(bundled, name) as stream,
        p.connect(bundled.url, f"?stream={name}") as follower,
        p.connect(bundled.url) as stranger,
        httpx.AsyncClient(base_url=bundled.url) as web,
    ):
        body = {"condition": f"a {THING} appears", "streams": [name], "once": True, **QUICK}
        made = (await web.post("/v1/watches", json=body)).json()
        await stream.show(THING, 1)
        assert (await follower.until("lw.watch.fired"))["watch_id"] == made["id"]
        assert (await follower.until("lw.watch.state"))["state"] == "ended"
        assert (await web.get(f"/v1/watches/{made['id']}")).json()["state"] == "ended"
        await stranger.send({"type": "lw.ping", "t": "sync"})
        while (event := await stranger.receive())["type"] != "lw.pong":
            assert not event["type"].startswith("lw.watch.")
        assert (await web.delete(f"/v1/watches/{made['id']}")).json()["deleted"]


async def test_watches_are_made_changed_and_forgotten_over_http(bundled: Live) -> None:
    async with httpx.AsyncClient(base_url=bundled.url) as web:
        hook = {"url": "https://host.example/x", "secret": "never-told"}
        body = {"condition": "a dog", "streams": ["none-*"], "webhook": hook}
        reply = await web.post("/v1/watches", json=body)
        assert reply.status_code == 201
        made = reply.json()
        assert made["webhook"] == {"url": hook["url"], "signed": True}
        change = {"cooldown_s": 60.0, "paused": True}
        changed = (await web.patch(f"/v1/watches/{made['id']}", json=change)).json()
        assert (changed["state"], changed["cooldown_s"]) == ("paused", 60.0)
        listed = await web.get("/v1/watches")
        assert made["id"] in [one["id"] for one in listed.json()["data"]]
        assert "never-told" not in listed.text
        await web.delete(f"/v1/watches/{made['id']}")
        assert (await web.get(f"/v1/watches/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_parameter", "condition"),
        ({"condition": "a dog", "cooldown": 1}, "unknown_parameter", "cooldown"),
        ({"condition": "a dog", "threshold": 2.0}, "invalid_value", "threshold"),
        ({"condition": "a dog", "webhook": {"url": "ftp://x"}}, "forbidden_url", "webhook.url"),
    ],
)
async def test_a_wrong_watch_is_refused_on_both_ways(
    bundled: Live, body: dict[str, Any], code: str, param: str
) -> None:
    async with httpx.AsyncClient(base_url=bundled.url) as web, p.connect(bundled.url) as session:
        told = (await web.post("/v1/watches", json=body)).json()["error"]
        assert (told["code"], told["param"]) == (code, param)
        told = await session.error({"type": "lw.watch.create", **body})
        assert (told["code"], told["param"]) == (code, param)


async def test_a_firing_is_posted(name: str) -> None:
    posts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        posts.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    receiver = await asyncio.start_server(take, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    with serve(load_model("bundled"), webhook_local=True) as live:
        async with receiver, showing(live, name) as stream, httpx.AsyncClient() as web:
            hook = {"url": url, "secret": "s"}
            body = {"condition": f"a {THING}", "webhook": hook, **QUICK}
            await web.post(f"{live.url}/v1/watches", json=body)
            await stream.show(THING, 1)
            async with asyncio.timeout(p.DEADLINE):
                posted = await posts.get()
    assert (posted["type"], posted["stream"]) == ("lw.watch.fired", name)


async def test_a_restart_tells_nothing_twice(tmp_path: Path, name: str) -> None:
    model, fired = load_model("bundled"), list[int]()
    for _ in range(2):
        with serve(model, data=str(tmp_path)) as live:
            async with showing(live, name) as stream, httpx.AsyncClient() as web:
                if not fired:
                    body = {"condition": f"a {THING}", **QUICK}
                    await web.post(f"{live.url}/v1/watches", json=body)
                await stream.show(THING, 2)
                await checked(live)
                (watch,) = (await web.get(f"{live.url}/v1/watches")).json()["data"]
                fired.append(watch["fired"])
                assert watch["state"] == "fired"
    assert fired == [1, 1]


async def test_looking_does_not_hold_up_questions(bundled: Live, name: str) -> None:
    async with showing(bundled, name) as stream, httpx.AsyncClient(base_url=bundled.url) as web:
        ids = []
        for thing in pictograms.names()[:20]:
            body = {"condition": f"a {thing}", "streams": [name]}
            ids.append((await web.post("/v1/watches", json=body)).json()["id"])
        await stream.show(THING, 2)
        async with p.connect(bundled.url) as session:
            start = time.monotonic()
            lw = {"lw": {"streams": [name]}}
            events = await session.ask("what do you see?", 8, **lw)
            assert events[-1]["response"]["status"] == "completed"
            assert time.monotonic() - start < p.DEADLINE
        for one in ids:
            await web.delete(f"/v1/watches/{one}")
