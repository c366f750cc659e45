"""The service is killed in the middle of everything, and comes back with what it had stored."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from longwatch.client import Notice, Reconnect, connect
from longwatch.client.media import jpeg
from longwatch.errors import ClosedError
from longwatch.serve.server import bind
from tests.support.peer import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from longwatch.client import Client, Publisher

STREAMS = [f"cam{n}" for n in range(4)]
FRAMES = 8
PATIENT = 4 * DEADLINE  # seconds; a process has to load a model, twice


@contextmanager
def process(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run `longwatch serve` until it is ready; it is killed at the end."""
    flags = ["--port", str(port), "--data", str(data), "--persist", "--threads", "1"]
    with (
        subprocess.Popen(
            [sys.executable, "-m", "longwatch", "serve", *flags, "--stats-seconds", "0.05"],
            stderr=subprocess.PIPE,
            text=True,
        ) as child,
        ThreadPoolExecutor(1) as pool,  # it is done before the pipe that it reads is closed
    ):
        timer = threading.Timer(PATIENT, child.kill)
        timer.start()
        try:
            lines = iter(child.stderr or [])
            assert next((line for line in lines if "ready: bundled answers at" in line), None)
            pool.submit(list, lines)
            yield child
        finally:
            timer.cancel()
            child.kill()


async def fed(client: Client, stream: str) -> Publisher:
    """Feed a stream and wait until all of it was read."""
    publisher = await client.open_stream(stream, fps=0, policy={"queue": 64})
    colour = np.zeros((64, 64, 3), np.uint8)
    colour[:, :, STREAMS.index(stream) % 3] = 255
    for n in range(FRAMES):
        await publisher.send(jpeg(colour), n / 2)
    while (await publisher.next_stats()).used < FRAMES:
        pass
    return publisher


async def shown(client: Client, stream: str, time: float) -> NDArray[np.float64]:
    """Return the mean colour of the picture of a moment."""
    found = await client.picture(stream, time, within=0.0)
    with Image.open(io.BytesIO(found.jpeg)) as picture:
        colour: NDArray[np.float64] = np.asarray(picture).mean((0, 1))
        return colour


async def ask(client: Client, stream: str, as_of: float) -> tuple[str, list[float]]:
    """Return the answer to a question about the past, and the times of what it rests on."""
    answer = await client.ask("what do you see?", stream=stream, as_of=as_of, max_tokens=8)
    assert answer.as_of == as_of
    return await answer.read(), [frame.time for frame in answer.evidence]


@pytest.mark.slow
async def test_what_was_stored_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    notices: list[Notice] = []
    again = Reconnect(first=0.1, most=0.5, seconds=PATIENT)
    options = {"reconnect": again, "on_notice": notices.append, "timeout": PATIENT}
    before = (FRAMES - 1) / 2
    async with asyncio.timeout(2 * PATIENT):
        with process(tmp_path, port) as child:
            client = connect(f"http://127.0.0.1:{port}", **options)  # type: ignore[arg-type]
            await client.__aenter__()
            publishers = [await fed(client, stream) for stream in STREAMS]
            known = [await ask(client, stream, before) for stream in STREAMS]
            await asyncio.sleep(1.0)  # at most the last second is lost
            asking = [client.ask("what is it?", stream=s, max_tokens=512) for s in STREAMS]
            answers = [asyncio.create_task((await asked).read()) for asked in asking]
            for publisher in publishers:
                await publisher.send(jpeg(np.zeros((64, 64, 3), np.uint8)), FRAMES / 2)
            child.kill()
        with process(tmp_path, port):
            for ended in await asyncio.gather(*answers, return_exceptions=True):
                assert isinstance(ended, str | ClosedError)  # it may have been done by then
            while "restarted" not in [notice.kind for notice in notices]:  # noqa: ASYNC110 - a poll
                await asyncio.sleep(0.05)
            assert [await ask(client, stream, before) for stream in STREAMS] == known
            for number, (stream, (_, times)) in enumerate(zip(STREAMS, known, strict=True)):
                assert times
                for time in times:  # each frame it rests on still has its picture
                    colour = await shown(client, stream, time)
                    assert colour.argmax() == number % 3
                    assert colour.max() > 200
            assert {s["stream"] for s in await client.streams()} == set(STREAMS)
            for publisher in publishers:  # which feed them again
                sent = publisher.sent
                while publisher.sent == sent:
                    await publisher.send(jpeg(np.zeros((64, 64, 3), np.uint8)), 30.0)
                    await asyncio.sleep(0.05)
            await client.aclose()
