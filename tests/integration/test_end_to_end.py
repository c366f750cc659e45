"""Real videos through the whole service, from the file to the memory and the answer."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from longwatch.client import connect
from longwatch.client.push import push_file
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM
from tests.unit.stream.sources.test_file import moments, real

FPS = 2


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"])
async def test_a_real_video_is_watched_to_its_end_at_the_times_of_its_frames(name: str) -> None:
    """And questions asked meanwhile stand on frames of it, one after another."""
    expected = moments(real(name), FPS)
    with serve(TinyVideoLM()) as live:
        async with connect(live.url) as client:
            push = asyncio.create_task(
                push_file(
                    client,
                    real(name),
                    stream="film",
                    fps=FPS,
                    speed=None,
                    policy={"memory": "full"},
                )
            )
            asked = []
            while not push.done():
                if any(s["memory"]["frames"] for s in await client.streams()):
                    answer = await client.ask("what?", stream="film", max_tokens=4)
                    assert len(await answer.read()) == 4
                    asked.append(answer.as_of)
                await asyncio.sleep(0.01)
            done = await push
            last = await client.ask("what?", stream="film", max_tokens=4)
            asked.append(last.as_of)
            await last.cancel()
        times = live.engine.stream("film").memory.snapshot().times
    assert times == pytest.approx(expected, abs=1e-6)
    assert done.stats is not None
    assert (done.stats.used, done.stats.lost) == (len(expected), 0)
    assert asked[-1] == pytest.approx(expected[-1], abs=1e-6)
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(asked))
    assert {round(a, 6) for a in asked if a is not None} <= {round(t, 6) for t in expected}
