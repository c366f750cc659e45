"""Push files, cameras and synthetic scenes, paced like a live one or as fast as they are read."""

from __future__ import annotations

import asyncio
import time
import time as clock
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from longwatch.client.media import Piece, camera_pieces, jpeg, probe
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from longwatch.client.client import Client
    from longwatch.client.media import Media
    from longwatch.client.streams import Publisher, StreamStats

_PICTURES = 32  # that may be under way; the server lets so many wait where none may be lost
_CHUNKS = 256
_BYTES = 8 * 2**20  # of encoded video under way; half of what the server lets wait


class Pace(Protocol):
    """Says when to send."""

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:
        """Wait until a message of `size` bytes that is due at `due` seconds may be sent."""
        ...


class RealtimePace:
    """Plays a recording like a live one, `speed` times as fast; late pieces go at once."""

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ConfigError(f"speed must be above 0, not {speed:g}; 1 is live, 2 twice as fast")
        self._speed = speed
        self._start: float | None = None  # on the monotonic clock

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:  # noqa: D102
        now = time.monotonic()
        if self._start is None:
            self._start = now - due / self._speed
        await asyncio.sleep(max(0.0, self._start + due / self._speed - now))


class NoPace:
    """Sends at once; only for what is live already, as a camera is."""

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:  # noqa: D102
        return


class BackpressurePace:
    """Keeps the server busy without making it drop anything.

    A message is under way until the statistics account for it as read or left out.
    """

    def __init__(self, *, pictures: bool) -> None:
        self._limit = _PICTURES if pictures else _CHUNKS
        self._sizes: deque[int] = deque()  # of the messages under way
        self._before: int | None = None  # what earlier publishers' messages came to

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:  # noqa: D102
        stuck = None
        while self._sizes and not self._fits(size):
            stats = await publisher.next_stats()
            settled = stats.used + sum(stats.dropped.values())
            if self._before is None:
                self._before = stats.received - publisher.sent
            under_way = max(0, publisher.sent - (settled - self._before))
            while len(self._sizes) > under_way:
                self._sizes.popleft()
            if stuck == settled and not stats.queue:
                break  # not every piece is a frame, so the counts need not add up
            stuck = settled
        self._sizes.append(size)

    def _fits(self, size: int) -> bool:
        return len(self._sizes) < self._limit and sum(self._sizes) + size <= _BYTES


def make_pace(speed: float | None, *, pictures: bool) -> Pace:
    """Return the pace for `speed`; None is as fast as the server takes it."""
    return BackpressurePace(pictures=pictures) if speed is None else RealtimePace(speed)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a push has come."""

    sent: int = 0  # messages
    bytes: int = 0
    time: float = 0.0  # seconds on the stream's clock, of the newest message
    duration: float | None = None  # seconds in all, where that is known
    stats: StreamStats | None = None  # what the server last said


async def push_file(
    client: Client,
    path: str | os.PathLike[str],
    *,
    stream: str,
    fps: float | None = None,
    speed: float | None = 1.0,
    loop: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Progress:
    """Push the video file at `path` into `stream` and end it; return the last progress.

    H.264 and HEVC go as they are; other codecs are decoded, sampled and sent as JPEG. `fps` is
    how many frames a second the model reads (0: all, None: as the server is set), `speed` how
    much faster than live it is played (None: as fast as the server takes it). With `loop` it
    starts over until cancelled. Further `options` go to `Client.open_stream`.

    Raises:
        SourceError: there is no such file, or no video in it that can be decoded.
        ServerError: the server refused the stream.
        ClosedError: the connection was lost.
    """
    media = await asyncio.to_thread(probe, path)
    pace = make_pace(speed, pictures=media.format == "image")
    publisher = await _open(client, stream, media.format, fps, speed, options)
    duration = None if loop else media.duration
    async with aclosing(_play(media, publisher.accepted.get("fps", fps), loop=loop)) as pieces:
        return await _push(client, publisher, pieces, pace, _Report(progress, duration))


async def push_camera(
    client: Client,
    index: int = 0,
    *,
    stream: str,
    fps: float = 2.0,
    seconds: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Progress:
    """Push what camera `index` sees into `stream`, for some `seconds` or until it stops.

    Raises:
        SourceError: there is no such camera, or another program holds it.
        ServerError: the server refused the stream.
        ClosedError: the connection was lost.
    """
    async with aclosing(_in_thread(lambda: camera_pieces(index, fps, seconds))) as seen:
        first = await anext(seen, None)  # so that a missing camera opens no stream
        publisher = await _open(client, stream, "image", fps, 1.0, options)
        async with aclosing(_after(first, seen)) as pieces:
            return await _push(client, publisher, pieces, NoPace(), _Report(progress, None))


async def push_frames(
    client: Client,
    frames: Iterable[tuple[NDArray[np.uint8], float]],
    *,
    stream: str,
    fps: float | None = None,
    speed: float | None = 1.0,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Progress:
    """Push `frames`, each an RGB picture (height, width, 3) and its time in seconds, as JPEG.

    They are taken from a thread of their own, when they are due. The rest is as in `push_file`.

    Raises:
        FrameError: a picture has another form.
        ServerError: the server refused the stream.
        ClosedError: the connection was lost.
    """
    pace = make_pace(speed, pictures=True)
    publisher = await _open(client, stream, "image", fps, speed, options)
    made = _in_thread(lambda: (Piece(jpeg(image), at, at) for image, at in frames))
    async with aclosing(made) as pieces:
        return await _push(client, publisher, pieces, pace, _Report(progress, None))


async def _open(
    client: Client,
    stream: str,
    form: str,
    fps: float | None,
    speed: float | None,
    options: dict[str, Any],
) -> Publisher:
    """Open the stream; where a recording is not played live, the server need not drop any."""
    await client.ping()
    policy = dict(options.pop("policy", None) or {})
    if speed is None:
        policy.setdefault("on_full", "block")
    return await client.open_stream(stream, format=form, fps=fps, policy=policy, **options)


class _Report:
    """Keeps the progress, and tells whoever wants to know."""

    def __init__(self, tell: Callable[[Progress], None] | None, duration: float | None) -> None:
        self.progress = Progress(duration=duration)
        self._tell = tell

    def update(self, **changes: Any) -> None:
        """Take in what has changed."""
        self.progress = replace(self.progress, **changes)
        if self._tell is not None:
            self._tell(self.progress)


async def _push(
    client: Client,
    publisher: Publisher,
    pieces: AsyncIterator[Piece],
    pace: Pace,
    report: _Report,
) -> Progress:
    """Send `pieces` when they are due, end the stream, and wait until the server has read it."""
    async for piece in pieces:
        await pace.wait(publisher, piece.due, len(piece.payload))
        await publisher.send(
            piece.payload,
            piece.time,
            captured_at=clock.time() + client.clock_offset,
            keyframe=piece.keyframe,
            epoch=piece.epoch,
        )
        done = report.progress
        report.update(
            sent=done.sent + 1,
            bytes=done.bytes + len(piece.payload),
            time=max(done.time, piece.time),
            stats=publisher.stats,
        )
    report.update(stats=await publisher.drain())
    await publisher.close()
    return report.progress


async def _play(media: Media, fps: float | None, *, loop: bool) -> AsyncGenerator[Piece]:
    """Yield the file's pieces; with `loop` over and over, on one clock that goes on."""
    begin, end = 0.0, 0.0
    while True:
        async with aclosing(_in_thread(lambda: media.pieces(fps))) as pieces:
            async for piece in pieces:
                end = max(end, begin + piece.time)
                yield replace(piece, time=begin + piece.time, due=begin + piece.due)
        if not loop:
            return
        begin = end + 1 / media.fps


async def _after(first: Piece | None, rest: AsyncIterator[Piece]) -> AsyncGenerator[Piece]:
    """Yield `first`, if there is one, and then the rest."""
    if first is not None:
        yield first
        async for piece in rest:
            yield piece


async def _in_thread(make: Callable[[], Generator[T]]) -> AsyncGenerator[T]:
    """Yield what the iterator of `make` yields, run from start to end by one thread of its own.

    A decoder must never be touched by a second thread, not even to close it.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="longwatch-media")
    try:
        items = await loop.run_in_executor(thread, make)
        try:
            while (item := await loop.run_in_executor(thread, next, items, None)) is not None:
                yield item
        finally:
            thread.submit(items.close)  # runs after the step that may be under way
    finally:
        thread.shutdown(wait=False)
