"""Sources with a thread: what it yields and raises reaches asyncio, and it always ends."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.errors import ClosedError, SourceError
from longwatch.stream.sources.background import AHEAD, BackgroundSource

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Scripted(BackgroundSource):
    """Yields some pictures, then raises what it is told."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        super().__init__(pacer=None)
        self.count, self.error = count, error
        self.made = 0
        self.released = threading.Event()

    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:
        try:
            for number in range(self.count):
                self.made += 1
                yield float(number), IMAGE
            if self.error is not None:
                raise self.error
        finally:
            self.released.set()


async def collect(source: BackgroundSource) -> list[float]:
    return [frame.time async for frame in source]


@pytest.mark.parametrize("count", [0, 1, AHEAD, 100])
async def test_everything_comes_in_order_and_the_end_is_the_end(count: int) -> None:
    source = Scripted(count)
    assert await collect(source) == list(range(count))
    await source.aclose()
    assert not source.running


@pytest.mark.parametrize("error", [SourceError("gone", code="source_ended"), KeyError("odd")])
async def test_what_breaks_the_source_comes_after_the_good_frames(error: Exception) -> None:
    got: list[float] = []

    async def read() -> None:
        async for frame in Scripted(10, error):
            got.append(frame.time)  # noqa: PERF401  what came before the error is wanted

    with pytest.raises(SourceError) as caught:
        await read()
    assert got == list(range(10))
    assert caught.value.code == ("source_ended" if error.args == ("gone",) else "source_error")


async def test_frames_are_made_a_few_ahead_and_no_more() -> None:
    source = Scripted(1000)
    async for frame in source:
        assert source.made <= frame.index + AHEAD + 2
        if frame.index == 50:
            break
    await source.aclose()


async def test_closing_releases_the_source_in_the_middle() -> None:
    source = Scripted(10**9)
    async for _ in source:
        break
    await source.aclose()
    await source.aclose()
    assert source.released.is_set()
    assert not source.running


async def test_closing_wakes_the_one_who_iterates() -> None:
    begun, hold = threading.Event(), threading.Event()

    class Silent(Scripted):
        def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:
            begun.set()
            hold.wait(10)
            yield from super().pictures()

    source = Silent(3)
    reading = asyncio.create_task(collect(source))
    assert await asyncio.to_thread(begun.wait, 10)
    closing = asyncio.create_task(source.aclose())
    assert await asyncio.wait_for(reading, 10) == []
    hold.set()
    await closing


async def test_a_source_is_iterated_once() -> None:
    source = Scripted(2)
    await collect(source)
    with pytest.raises(ClosedError):
        await collect(source)


async def test_a_source_that_was_never_read_closes_at_once() -> None:
    source = Scripted(2)
    await source.aclose()
    assert source.made == 0
    with pytest.raises(ClosedError):
        await collect(source)
