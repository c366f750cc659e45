"""Pulled sources on the wire: opening, states, closing, restart, and no password anywhere."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import ForbiddenError
from longwatch.serve.auth.principal import Principal, acting_as
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.persistence import open_persistence
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.server import running
from longwatch.serve.service import Service
from longwatch.stream.pull.address import parse_address
from tests.support.media import write_clip
from tests.support.peer import connect
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.service import Live

SECRET = "hunter2"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    write_clip(tmp_path / "a.mp4", count=60)
    with serve(TinyVideoLM(), pull_root=str(tmp_path), pull_retry=0.1, pull_retry_slow=0.2) as made:
        yield made


def http(url: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """Return status and document."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text[:1] in b"{[" else text.decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def opening(stream: str, url: str, **source: Any) -> dict[str, Any]:
    return {
        "type": "lw.stream.open",
        "stream": stream,
        "source": {"kind": "pull", "url": url, **source},
    }


async def test_a_source_is_pulled_and_outlives_the_connection_that_asked(
    live: Live, name: str
) -> None:
    async with connect(live.url) as peer:
        await peer.send(opening(name, "a.mp4", fps=5.0, loop=True))
        opened = await peer.until("lw.stream.opened")
        assert opened["handle"] is None
        assert opened["accepted"]["fps"] == 5.0
        assert opened["accepted"]["source"]["url"] == "file:a.mp4"
        assert (await peer.until("lw.stream.state"))["state"] == "connecting"
        assert (await peer.until("lw.stream.state"))["state"] == "online"
        stats = await peer.until("lw.stream.stats")
        while stats["used"] < 3:
            stats = await peer.until("lw.stream.stats")
        assert stats["source"]["kind"] == "pull"
        assert (await peer.ask(lw={"streams": [name]}))[-1]["response"]["status"] != "failed"
    used = live.engine.stream(name).stats().frames_read
    wait_for(lambda: live.engine.stream(name).stats().frames_read > used)
    async with connect(live.url) as peer:
        await peer.send(opening(name, "a.mp4", fps=5.0, loop=True))  # it is there: nothing changes
        assert (await peer.until("lw.stream.state"))["state"] == "online"
        await peer.send({"type": "lw.stream.close", "stream": name})
        assert (await peer.until("lw.stream.state"))["state"] == "offline"


async def test_a_source_that_cannot_be_had_says_why_and_when_it_is_tried_again(
    live: Live, name: str
) -> None:
    async with connect(live.url) as peer:
        await peer.send(opening(name, "rtsp://127.0.0.1:1/x", username="u", password=SECRET))
        state = await peer.until("lw.stream.state", state="reconnecting")
        assert state["reason"] == "source_refused"
        assert state["attempt"] == 1
        assert state["retry_in_ms"] > 0
        assert state["message"]
        later = await peer.until("lw.stream.state", state="reconnecting")
        assert later["attempt"] == 2
    assert http(live.url, f"/v1/streams/{name}?discard_memory=true", "DELETE")[0] == 200
    assert http(live.url, f"/v1/streams/{name}")[0] == 404


async def test_a_forbidden_address_opens_no_stream(live: Live, name: str) -> None:
    async with connect(live.url) as peer:
        for url in (
            "rtsp://169.254.169.254/",
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.1:80/",
            "file:///etc/passwd",
            "../secret.mp4",
            "concat:a|b",
            "camera:0",
        ):
            error = await peer.error(opening(name, url))
            assert error["code"] == "source_forbidden_url", url
    assert name not in [stream.name for stream in live.engine.streams()]


async def test_a_stream_is_fed_by_one_alone(live: Live, name: str) -> None:
    async with connect(live.url) as peer, connect(live.url) as other:
        await peer.open(name)
        assert (await other.error(opening(name, "a.mp4")))["code"] == "publisher_taken"
        await other.send(opening(f"{name}-b", "a.mp4", loop=True))
        await other.until("lw.stream.opened")
        assert (await peer.error(opening(f"{name}-b", "a.mp4")))["code"] == "publisher_taken"
        status, told = http(live.url, f"/v1/streams/{name}", "DELETE")
        assert (status, told["error"]["code"]) == (400, "publisher_taken")


async def test_fetching_an_address_is_for_managers_within_their_streams(name: str) -> None:
    service = Service(Engine(TinyVideoLM()), Settings(), Metrics(1))
    address, settings = parse_address("rtsp://127.0.0.1:1/x"), service.settings.stream
    for principal in (
        Principal("publisher", frozenset({"ask", "publish"})),
        Principal("elsewhere", streams=("door-*",)),
    ):
        with acting_as(principal), pytest.raises(ForbiddenError):
            service.sources.open(name, address, settings)
    assert service.engine.streams() == []


def test_streams_are_made_and_closed_over_http(live: Live, name: str) -> None:
    source = {"kind": "pull", "url": "a.mp4", "fps": None}
    status, made = http(live.url, "/v1/streams", "POST", {"stream": name, "source": source})
    assert (status, made["state"], made["source"]["url"]) == (201, "connecting", "file:a.mp4")
    wait_for(lambda: http(live.url, f"/v1/streams/{name}")[1]["state"] == "ended")
    told = http(live.url, f"/v1/streams/{name}")[1]
    assert (told["reason"], told["received"]) == ("source_ended", 60)
    assert http(live.url, f"/v1/streams/{name}", "DELETE")[1]["state"] == "ended"
    status, made = http(live.url, "/v1/streams", "POST", {"stream": f"{name}-push"})
    assert (status, made["state"], made["source"]) == (201, "offline", None)


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "pull"},
        {"kind": "pull", "url": "rtsp://h/", "pasword": SECRET},
        {"kind": "pull", "url": "rtsp://h/", "password": [SECRET]},
        {"kind": "pull", "url": f"rtsp://u:{SECRET}@[h/"},
        {"kind": "pull", "url": "rtsp://h/", "transport": "ftp", "password": SECRET},
        {"kind": "pull", "url": f"rtsp://u:{SECRET}@169.254.1.1/"},
        {"kind": "pull", "url": f"gopher://u:{SECRET}@h/"},
    ],
)
def test_a_wrong_request_is_refused_and_its_password_not_repeated(
    live: Live, name: str, source: dict[str, Any]
) -> None:
    status, told = http(live.url, "/v1/streams", "POST", {"stream": name, "source": source})
    assert status == 400
    assert SECRET not in json.dumps(told)
    assert name not in [stream.name for stream in live.engine.streams()]


def test_no_password_stands_in_anything_that_goes_out(
    live: Live, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"rtsp://user:{SECRET}@127.0.0.1:1/x?password={SECRET}"
    source = {"kind": "pull", "url": url}
    _, made = http(live.url, "/v1/streams", "POST", {"stream": name, "source": source})
    wait_for(lambda: http(live.url, f"/v1/streams/{name}")[1]["state"] == "reconnecting")
    seen = [made, *(http(live.url, path)[1] for path in ("/v1/streams", "/metrics"))]
    seen += [http(live.url, f"/v1/streams/{name}")[1], caplog.text]
    assert SECRET not in str(seen)
    assert 'longwatch_source_reconnects_total{reason="source_refused"}' in str(seen)


def test_a_kept_stream_is_pulled_again_after_a_restart(tmp_path: Path, name: str) -> None:
    write_clip(tmp_path / "a.mp4", count=60)
    settings = Settings(port=0, data=str(tmp_path / "data"), pull_root=str(tmp_path))
    source = {"kind": "pull", "url": "a.mp4", "loop": True, "fps": 5.0}
    body = {"stream": name, "source": source, "policy": {"persist": True}}
    frames = 0
    for turn in range(2):
        with open_persistence(settings.data, 1 << 20) as kept:
            engine = Engine(TinyVideoLM(), settings.engine, Metrics(1), kept)
            engine.start()
            try:
                with running(engine, settings) as url:
                    if turn == 0:
                        assert http(url, "/v1/streams", "POST", body)[0] == 201
                    stream = engine.stream(name)
                    wait_for(lambda s=stream, n=frames: s.memory.snapshot().frames_seen > n + 2)  # type: ignore[misc]
                    told = http(url, f"/v1/streams/{name}")[1]
                    assert (told["state"], told["source"]["url"]) == ("online", "file:a.mp4")
                    frames = stream.memory.snapshot().frames_seen
                    if turn == 1:
                        assert http(url, f"/v1/streams/{name}", "DELETE")[0] == 200
                        assert (tmp_path / "data" / "sources.json").read_text() == "{}"
            finally:
                engine.close()
