"""How the service ends: announced, with answers finished, and at once when told twice."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from longwatch.errors import ClosedError
from longwatch.serve import server as serving
from longwatch.serve.api.app import create_app
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.server import Server, bind, url_of
from longwatch.serve.service import Draining
from tests.support import peer as p
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKENS = 200


@contextmanager
def served(**changes: float) -> Iterator[tuple[Server, str]]:
    """Serve the tiny model from a thread, until the server is told to end."""
    settings = Settings(port=0, stats_seconds=0.05, **changes)  # type: ignore[arg-type]
    engine = Engine(TinyVideoLM(), settings.engine)
    engine.start()
    ready = threading.Event()
    with bind("127.0.0.1", 0) as listener:
        server = Server(create_app(engine, settings), settings, ready.set)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            assert ready.wait(p.DEADLINE)
            yield server, url_of(listener)
        finally:
            server.end_now()
            thread.join()
            engine.close()


async def test_a_drain_is_announced_and_answers_end_but_nothing_new_begins(name: str) -> None:
    with served() as (server, url):
        async with p.connect(url) as peer, httpx.AsyncClient(base_url=url) as http:
            await peer.feed(name)
            await peer.send(p.create(tokens=TOKENS))
            await peer.until("response.created")
            server.end()
            away = await peer.until("lw.go_away")
            assert away["reason"] == "drain"
            assert 0 < away["time_left_ms"] <= 25_000
            reply = await http.get("/readyz")
            assert (reply.status_code, reply.json()["reason"]) == (503, "draining")
            with pytest.raises(InvalidStatus) as refused:
                await p.connect(url).__aenter__()
            assert refused.value.response.status_code == 503
            error = await peer.error(p.create())
            assert (error["code"], error["lw"]["retryable"]) == ("closing", True)
            done = await peer.until("response.done")
            assert done["response"]["status"] == "incomplete"  # of all its tokens
            assert done["response"]["usage"]["output_tokens"] == TOKENS
            assert await peer.closed() == 1012


async def test_an_answer_that_takes_too_long_does_not_keep_the_service(name: str) -> None:
    with served(drain_seconds=0.2) as (server, url):
        async with p.connect(url, max_queue=None) as peer:
            await peer.feed(name)
            await peer.send(p.create(tokens=p.LONG))
            await peer.until("response.created")
            server.end()
            assert await peer.closed() == 1012


async def test_the_second_signal_ends_the_service_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: dict[int, Callable[[int, None], None]] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    with served(drain_seconds=3600.0) as (server, url), serving._ending(server):
        async with p.connect(url, max_queue=None) as peer:
            await peer.feed(name)
            await peer.send(p.create(tokens=p.LONG))
            await peer.until("response.created")
            handlers[signal.SIGTERM](signal.SIGTERM, None)
            await peer.until("lw.go_away")
            handlers[signal.SIGTERM](signal.SIGTERM, None)
            assert await peer.closed() == 1012


def test_the_first_announcement_counts() -> None:
    draining = Draining()
    draining.check()
    assert not draining.active
    assert draining.seconds_left == 0
    draining.begin(60.0)
    draining.begin(0.0)
    assert 0 < draining.seconds_left <= 60
    with pytest.raises(ClosedError):
        draining.check()
