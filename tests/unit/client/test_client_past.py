"""Pictures and timelines from Python and from the command line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from longwatch.cli.main import run
from longwatch.client import connect, sync
from longwatch.errors import ServerError
from longwatch.types import Frame
from tests.support.tiny import feed, frame, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.service import Live


def show(live: Live, name: str) -> None:
    stream = live.engine.open_stream(name)
    feed(stream, [frame(i) for i in range(3)])
    wait_for(lambda: len(stream.thumbnails.times()) == 3)


async def test_a_picture_is_that_of_the_nearest_moment(live: Live, stream: str) -> None:
    show(live, stream)
    async with connect(live.url) as client:
        picture = await client.picture(stream, 0.6)
        assert picture.time == 0.5
        assert Image.open(io.BytesIO(picture.jpeg)).size == (8, 8)
        with pytest.raises(ServerError, match="404"):
            await client.picture(stream, 99.0)
        assert (await client.picture(stream, 99.0, within=100.0)).time == 1.0
        assert (await client.timeline(stream))["pictures"] == [0, 500_000, 1_000_000]
        with pytest.raises(ServerError, match="404"):
            await client.timeline("no such/stream")


async def test_a_picture_comes_in_the_width_that_is_asked_for(live: Live, stream: str) -> None:
    opened = live.engine.open_stream(stream)
    feed(opened, [Frame(np.zeros((96, 320, 3), np.uint8), 0.0, 0)])
    wait_for(lambda: len(opened.thumbnails.times()) == 1)
    async with connect(live.url) as client:
        for width, shown in ((None, 160), (64, 64), (999, 160)):
            picture = await client.picture(stream, 0.0, width=width)
            assert Image.open(io.BytesIO(picture.jpeg)).width == shown
        with pytest.raises(ServerError) as refused:
            await client.picture(stream, 0.0, width=3)
        assert refused.value.code == "http_422"
    with sync.connect(live.url) as blocking:
        picture = blocking.picture(stream, 0.0, width=64)
        assert Image.open(io.BytesIO(picture.jpeg)).width == 64


def test_the_blocking_client_sees_the_same(live: Live, stream: str) -> None:
    show(live, stream)
    with sync.connect(live.url) as client:
        assert client.picture(stream, 1.1).time == 1.0
        assert client.timeline(stream)["stream"] == stream


def test_the_pictures_of_an_answer_are_saved(
    live: Live, stream: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(live, stream)
    folder = tmp_path / "proof"
    flags = ["--stream", stream, "--max-tokens", "3", "--save-evidence", str(folder)]
    assert run(["ask", "what?", *flags, "--url", live.url]) == 0
    saved = sorted(folder.glob("*.jpg"))
    assert saved
    assert all(str(file) in capsys.readouterr().err or file.stat().st_size for file in saved)
