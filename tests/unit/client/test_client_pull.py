"""Streams that the service fetches, as a client asks for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.client import connect, sync
from longwatch.errors import ServerError
from tests.support.media import write_clip
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.service import Live

DEADLINE = 30.0


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    write_clip(tmp_path / "a.mp4", count=60)
    with serve(TinyVideoLM(), pull_root=str(tmp_path), pull_retry=0.1) as made:
        yield made


async def test_a_pulled_stream_tells_its_states_and_can_be_asked(live: Live, stream: str) -> None:
    async with connect(live.url) as client, asyncio.timeout(DEADLINE):
        view = await client.pull("a.mp4", stream=stream, fps=0, loop=True)
        assert view.state in {"connecting", "online"}
        while view.stats is None or view.stats.used < 3:
            await view.changed()
        assert view.state == "online"
        assert await (await client.ask("what?", stream=stream, max_tokens=2)).read()
        await client.close_stream(stream)
        while view.state != "offline":
            await view.changed()


async def test_a_source_that_is_not_there_says_why(live: Live, stream: str) -> None:
    async with connect(live.url) as client, asyncio.timeout(DEADLINE):
        view = await client.pull("rtsp://127.0.0.1:1/x", stream=stream, password="hunter2")
        while view.state != "reconnecting":
            await view.changed()
        assert view.reason == "source_refused"
        assert view.told["attempt"] >= 1
        assert view.told["retry_in_ms"] > 0
        assert "hunter2" not in str(view.told)
        with pytest.raises(ServerError) as caught:
            await client.pull("rtsp://169.254.169.254/", stream=f"{stream}-b")
        assert caught.value.code == "source_forbidden_url"


def test_a_blocking_client_pulls_too(live: Live, stream: str) -> None:
    with sync.connect(live.url) as client:
        view = client.pull("a.mp4", stream=stream, loop=True)
        assert view.stream == stream
        client.close_stream(stream, discard_memory=True)
