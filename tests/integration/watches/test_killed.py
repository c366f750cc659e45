"""The service is killed after a firing; it is not lost, and who watches hears of the next ones."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from longwatch.client import Reconnect, connect
from longwatch.serve.server import bind
from longwatch.serve.watches.store import WatchStore
from longwatch.wire import Kind, Packet
from tests.integration.test_killed import PATIENT, process
from tests.integration.watches.test_runner import QUICK, THING, jpeg
from tests.support import peer as p

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from longwatch.client.transport import Transport


class Receiver:
    """Takes posts, and answers none before `well` is set."""

    def __init__(self) -> None:
        self.posts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.well = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.posts.put_nowait(json.loads(await reader.readexactly(length)))
        if self.well:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            await reader.read()  # until the one who posted is gone
        writer.close()


async def alerts(url: str, count: int, stream: str = "door") -> list[dict[str, Any]]:
    """Return what a stream's timeline tells of watches, once so many of them spoke up."""
    async with httpx.AsyncClient(base_url=url, timeout=p.DEADLINE) as web:
        while True:
            timeline = (await web.get(f"/v1/streams/{stream}/timeline")).json()
            found: list[dict[str, Any]] = timeline["alerts"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_a_firing_is_known_and_posted_after_a_kill_kept_it_from_its_webhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGWATCH_WEBHOOK_LOCAL", "true")
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    url, receiver = f"http://127.0.0.1:{port}", Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    hook = {"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", "secret": "s"}
    async with asyncio.timeout(2 * PATIENT), server:
        with process(tmp_path, port) as child:
            async with httpx.AsyncClient(base_url=url, timeout=p.DEADLINE) as web:
                body = {"condition": f"a {THING}", "webhook": hook, **QUICK}
                assert (await web.post("/v1/watches", json=body)).status_code == 201
            async with p.connect(url) as peer:
                packet = Packet(Kind.IMAGE, await peer.open("door"), 0, 0, jpeg(THING))
                await peer.send(packet.encode())
                first = await receiver.posts.get()
                before = await alerts(url, 1)
                child.kill()
                child.wait()
        receiver.well = True
        with process(tmp_path, port):
            second = await receiver.posts.get()  # nobody has shown it anything
            assert await alerts(url, 1) == before
            assert second == first
            assert first["firing_id"].startswith("fire_")
            store = WatchStore(tmp_path)
            while store.posts():  # noqa: ASYNC110 - another process settles it
                await asyncio.sleep(0.05)
            store.close()
    assert receiver.posts.empty()


@pytest.mark.slow
async def test_who_watches_hears_what_came_true_before_it_was_back(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    url, away = f"http://127.0.0.1:{port}", Reconnect(first=0.5, most=0.5, seconds=PATIENT)

    async def show(name: str, *, come_back: asyncio.Event) -> None:
        """Feed a stream with the thing, and wait until its watch spoke up."""
        async with p.connect(url) as peer:
            packet = Packet(Kind.IMAGE, await peer.open(name), 0, 0, jpeg(THING))
            await peer.send(packet.encode())
            await alerts(url, 1, name)
        come_back.set()

    async with asyncio.timeout(2 * PATIENT):
        with process(tmp_path, port) as child:
            client = await connect(url, reconnect=away).__aenter__()
            watch = await client.watch_for(f"a {THING}", stream="*", **QUICK)
            await show("door", come_back=asyncio.Event())
            first = await watch.next()
            opener, back = client._channel._opener, asyncio.Event()

            async def patient(query: Mapping[str, str]) -> Transport:
                await back.wait()
                return await opener(query)

            client._channel._opener = patient
            child.kill()
            child.wait()
        with process(tmp_path, port):
            await show("hall", come_back=back)  # the client is not back yet
            second = await watch.next()
            await show("yard", come_back=back)
            third = await watch.next()
            await client.aclose()
    heard = [(hit.stream, hit.number) for hit in (first, second, third) if hit]
    assert heard == [("door", 1), ("hall", 2), ("yard", 3)]
