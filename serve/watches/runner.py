"""Looks at the streams for all watches, one check at a time, and says what came true."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from longwatch.errors import LongwatchError, NotFoundError
from longwatch.memory.durable.catalogue import Alert
from longwatch.serve.observability.context import log_context
from longwatch.serve.watches.condition import score_when_idle, to_question
from longwatch.serve.watches.registry import WatchRegistry
from longwatch.serve.watches.scheduler import CheckScheduler
from longwatch.serve.watches.watch import Post
from longwatch.serve.watches.webhooks import Webhooks
from longwatch.wire import picture_url

if TYPE_CHECKING:
    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.observability.metrics import Metrics
    from longwatch.serve.streams.stream import LatestFrame
    from longwatch.serve.watches.scheduler import CheckSettings, WatchedStream
    from longwatch.serve.watches.store import WatchStore
    from longwatch.serve.watches.watch import Firing, Watch

log = logging.getLogger(__name__)
POLL = 0.05  # seconds between two looks for new frames
PAUSE = 1.0  # seconds, after something went wrong


class WatchRunner:
    """The watches of one service. On the event loop's thread, but for the model's part."""

    def __init__(
        self,
        engine: Engine,
        settings: CheckSettings,
        metrics: Metrics,
        store: WatchStore | None = None,
        *,
        local: bool = False,  # webhooks may go to this machine and to private networks
    ) -> None:
        self._scheduler = CheckScheduler(settings)
        self.table = WatchRegistry(self._scheduler, store)
        self._engine, self._metrics = engine, metrics
        self._hooks = Webhooks(
            lambda outcome: metrics.webhooks.labels(outcome).inc(),
            settle=self.table.settle,
            local=local,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, and to post what an earlier process could not."""
        for post in self.table.owed:
            self._hooks.post(post)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop looking, and write down what waits."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._hooks.close()
        await self.table.close()

    async def _run(self) -> None:
        while True:
            pair = None
            try:
                self.table.end_those_over()
                await self._see()
                pair = self._scheduler.next(time.monotonic())
                if pair is not None:
                    with log_context(**_ids(pair)):
                        await self._check(pair)
            except LongwatchError as error:  # the stream is gone, or its memory lost the frame
                log.info("a watch could not look: %s", error, extra=_ids(pair))
            except Exception:
                log.exception("a watch failed", extra=_ids(pair))
                await asyncio.sleep(PAUSE)
            if pair is None:
                await asyncio.sleep(POLL)

    async def _see(self) -> None:
        """Take in the newest frames; those that show nothing new keep the score that they have."""
        newest: dict[str, LatestFrame] = {}
        active = [watch for watch in self.table.all() if watch.active]
        for stream in self._engine.streams() if active else ():
            if stream.newest is not None:
                newest[stream.name] = stream.newest
        for pair, at, known in list(self._scheduler.see(active, newest)):
            self._metrics.watch_checks.labels("unchanged").inc()
            await self._take(pair, at, known)

    async def _check(self, pair: WatchedStream) -> None:
        """Ask the model, when it is free, and take in what it says."""
        glimpse = self._scheduler.begin(pair)
        if glimpse is None:
            return
        at = glimpse.frame.time
        snapshot = self._engine.stream(pair.stream).snapshot(at)
        put = to_question(pair.watch.settings.condition)
        yes, seconds = await score_when_idle(self._engine, snapshot, put.question, glimpse.tokens)
        self._metrics.watch_checks.labels("asked").inc()
        self._metrics.watch_check.observe(seconds)
        await self._take(pair, at, 1 - yes if put.negated else yes)

    async def _take(self, pair: WatchedStream, at: float, found: float) -> None:
        """Take in a score, 0 to 1, at a time of the stream; fire if it is time to."""
        watch = self.table.find(pair.watch.id)
        if watch is None or not watch.active:
            return
        told = pair.rise.told
        fires = pair.rise.take(at, found, watch.settings)
        if not fires and pair.rise.told == told:
            return
        if fires:
            over = watch.settings.once
            watch = replace(watch, fired=watch.fired + 1, last_fired=time.time(), ended=over)
        fields = _firing(watch, pair.stream, at, found)
        post = _post(watch, fields) if fires else None
        written = self.table.put(watch, {pair.stream: pair.rise}, fields if fires else None, post)
        if fires:
            if written is not None:
                await written  # so that no kill makes it be told twice, or be owed and not known
            self._fire(watch, pair.stream, at, fields)
            if post is not None:
                self._hooks.post(post)

    def _fire(self, watch: Watch, stream: str, at: float, fields: Firing) -> None:
        self._metrics.watch_fired.inc()
        with suppress(NotFoundError):  # the stream was forgotten meanwhile
            self._engine.stream(stream).dialogue.log_alert(
                Alert(at, watch.id, watch.settings.condition)
            )
        self.table.tell("lw.watch.fired", watch, fields)
        if self.table.find(watch.id) is not None:
            self.table.tell_state(watch.id)


def _firing(watch: Watch, stream: str, at: float, found: float) -> Firing:
    """Return what is told of a firing, on sockets and by webhooks alike."""
    pts = round(at * 1e6)
    return {
        "firing_id": f"fire_{secrets.token_hex(8)}",
        "watch_id": watch.id,
        "number": watch.fired,
        "stream": stream,
        "pts_us": pts,
        "text": watch.settings.condition,
        "score": round(found, 4),
        "fired_at": watch.last_fired,
        "evidence": [{"stream": stream, "pts_us": pts, "url": picture_url(stream, pts)}],
    }


def _post(watch: Watch, fields: Firing) -> Post | None:
    hook = watch.settings.webhook
    body = json.dumps({"type": "lw.watch.fired", **fields})
    return None if hook is None else Post(fields["firing_id"], hook, body)


def _ids(pair: WatchedStream | None) -> dict[str, str]:
    return {} if pair is None else {"watch": pair.watch.id, "stream": pair.stream}
