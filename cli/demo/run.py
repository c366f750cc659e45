"""One run of the demo's script: a live stream, its questions, and a crowd that asks meanwhile."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from longwatch.client.push import push_file
from longwatch.errors import LongwatchError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from longwatch.cli.demo.script import Asked
    from longwatch.client import Answer, Client, StreamStats
    from longwatch.client.push import Progress

STREAM = "demo"
FPS = 2.0
SPAN = 5.0  # seconds over which frames are counted around an answer
CROWD = 4  # clients that ask without pause in the second half


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to the script, and how fast frames were read around it."""

    asked: Asked
    answer: Answer
    fps: float | None  # over the seconds before; None where too few were counted
    crowded: bool  # whether the crowd was asking, too


@dataclass(slots=True)
class Run:
    """What came of it."""

    replies: list[Reply] = field(default_factory=list)
    crowd_answers: int = 0
    crowd_failed: int = 0
    fps_before: float | None = None  # frames read a second before the first question
    fps_between: float | None = None  # while the script alone asked
    fps_crowded: float | None = None  # while the crowd asked, too
    stats: StreamStats | None = None

    @property
    def worked(self) -> bool:
        """Whether the service did its job: answers came whole, and frames were read meanwhile.

        A machine that is too slow loses frames, as live video must; that is shown, and no failure.
        """
        whole = all(reply.answer.status == "completed" for reply in self.replies)
        rates = (self.fps_before, self.fps_between, self.fps_crowded)
        flowing = all(rate is not None and rate > 0 for rate in rates)
        return bool(self.replies) and whole and not self.crowd_failed and flowing

    @property
    def right(self) -> int:
        """How many of the script's answers are true."""
        return sum(reply.asked.right(reply.answer.text) for reply in self.replies)


class Show:
    """Pushes the video and keeps what the run needs to know of it."""

    def __init__(self, client: Client, video: Path, *, speed: float, loop: bool) -> None:
        self.loop = loop
        self.stats: StreamStats | None = None
        self._client = client
        self._video = video
        self._speed = speed
        self._time = -1.0
        self._news = asyncio.Event()
        self._seen: list[tuple[float, int]] = []  # when, and how many frames were read by then

    async def push(self) -> None:
        """Push to the end, or for ever with `loop`."""
        done = await push_file(
            self._client,
            self._video,
            stream=STREAM,
            fps=FPS,
            speed=self._speed,
            loop=self.loop,
            progress=self._take,
        )
        self.stats = done.stats

    async def reach(self, at: float) -> None:
        """Wait until the stream is at `at` seconds."""
        while self._time < at:
            self._news.clear()
            await self._news.wait()

    def rate(self, since: float) -> float | None:
        """Return the frames read a second since a moment of the monotonic clock."""
        seen = [(at, frames) for at, frames in self._seen if at >= since]
        if len(seen) < 2:
            return None
        (first, before), (last, after) = seen[0], seen[-1]
        return (after - before) / (last - first)

    def _take(self, progress: Progress) -> None:
        self._time = progress.time
        if progress.stats is not None and progress.stats is not self.stats:
            if self.stats is None or progress.stats.used > self.stats.used:
                self._seen.append((time.monotonic(), progress.stats.used))
            self.stats = progress.stats
        self._news.set()


class Screen(Protocol):
    """Shows what happens."""

    def begin(self, asked: Asked, answer: Answer) -> None:
        """Show a question whose answer begins."""
        ...

    def piece(self, text: str) -> None:
        """Show the next piece of the answer."""
        ...

    def end(self, reply: Reply) -> None:
        """Show the truth, and how fast it all went."""
        ...


async def play(
    asker: Client,
    show: Show,
    script: Sequence[Asked],
    screen: Screen,
) -> Run:
    """Ask the script's questions when their time has come, and show each answer as it comes.

    Raises:
        LongwatchError: the service refused a question, or is gone.
    """
    run = Run()
    since = time.monotonic()
    crowd: list[asyncio.Task[None]] = []
    for n, asked in enumerate(script):
        await show.reach(asked.at)
        if n == 0:
            run.fps_before, since = show.rate(since), time.monotonic()
        if n == len(script) // 2:
            run.fps_between, since = show.rate(since), time.monotonic()
            crowd = [asyncio.create_task(_keep_asking(asker, run)) for _ in range(CROWD)]
        answer = await asker.ask(asked.text, stream=STREAM)
        await _stream(asked, answer, screen)
        reply = Reply(asked, answer, show.rate(time.monotonic() - SPAN), bool(crowd))
        screen.end(reply)
        run.replies.append(reply)
    await show.reach(script[-1].at + 1.0)
    run.fps_crowded = show.rate(since)
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    return run


async def _stream(asked: Asked, answer: Answer, screen: Screen) -> None:
    """Show an answer's pieces as they come."""
    screen.begin(asked, answer)
    with suppress(LongwatchError):  # the answer's status says so
        async for piece in answer:
            screen.piece(piece)


async def _keep_asking(client: Client, run: Run) -> None:
    """Ask one question after another until cancelled."""
    while True:
        try:
            answer = await client.ask("what do you see?", stream=STREAM, max_tokens=16)
            await answer.read()
            run.crowd_answers += 1
        except LongwatchError:
            run.crowd_failed += 1
            return
