"""Who feeds which stream: one publisher at a time, who may leave and come back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from longwatch.errors import InputError, NotFoundError
from longwatch.stream.ingest.ingest import Ingest

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.errors import LongwatchError
    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.streams.settings import StreamSettings
    from longwatch.serve.streams.stream import Stream
    from longwatch.stream.limits import MediaLimits
    from longwatch.stream.pull.address import Address
    from longwatch.stream.pull.supervisor import PulledSource

log = logging.getLogger(__name__)
State = Literal["connecting", "online", "stalled", "reconnecting", "offline", "ended"]
# Why frames are not read. `gate` and `budget` are as the stream was asked to do, as `rate` is.
REASONS = ("busy", "rate", "late", "decode", "size", "gate", "budget")
SEALED = ("sealed_tokens", "archive_bytes", "host_bytes", "away_bytes", "lost_blocks")


class Feed:
    """One stream with at most one publisher. All of it belongs to the event loop's thread."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.state: State = "offline"
        self.reason: str | None = None
        self.since = time.time()
        self.details: dict[str, Any] = {}  # what else is known of the state
        self.epoch = 0  # publishers so far
        self.acked: int | None = None  # the newest sequence number taken in
        self.acked_before: int | None = None  # the last one of the publisher before
        self.ingest: Ingest | PulledSource | None = None  # of the publisher there is
        self._watchers: list[Callable[[Feed], None]] = []
        self._leaving: dict[
            Ingest | PulledSource, asyncio.Task[None]
        ] = {}  # earlier ones, at their end
        self._past: Counter[str] = Counter()  # what earlier publishers came to

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.stream.name

    @property
    def address(self) -> Address | None:
        """Where its frames are pulled from, if they are."""
        return getattr(self.ingest, "address", None)

    def watch(self, watcher: Callable[[Feed], None]) -> None:
        """Call `watcher` after each change of state, until `unwatch`."""
        if watcher not in self._watchers:
            self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[Feed], None]) -> None:
        """Call it no more."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def change(self, state: State, reason: str | None = None, **told: Any) -> None:
        """Enter a state and tell the watchers; `told` is what else there is to say of it."""
        self.state, self.reason, self.since = state, reason, time.time()
        self.details = told
        about = {"stream": self.name, "epoch": self.epoch, "reason": reason, **told}
        about["why"] = about.pop("message", None)  # a log record has a `message` of its own
        log.info("stream %s", state, extra={key: value for key, value in about.items() if value})
        for watcher in tuple(self._watchers):
            watcher(self)

    def begin(self, ingest: Ingest | PulledSource, state: State = "online") -> None:
        """Take in a publisher."""
        self.ingest = ingest
        self.epoch += 1
        self.acked, self.acked_before = None, self.acked
        self.change(state)

    def release(self, reason: str) -> None:
        """Let the publisher go; the stream waits for the next one."""
        if self.ingest is None:
            return
        self._leaving[self.ingest] = asyncio.create_task(self._close(self.ingest))
        self.ingest = None
        if self.state != "ended":
            self.change("offline", reason)

    async def closed(self) -> None:
        """Wait until no thread of an earlier publisher is left."""
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    def end(self) -> None:
        """Take in that the publisher has sent all; what is under way is still read."""
        if self.ingest is not None:
            self.ingest.end()
            self.change("ended", "publisher_ended")

    @property
    def taken(self) -> bool:
        """Whether somebody feeds the stream and has not said that it is at its end."""
        return self.ingest is not None and self.state != "ended"

    def dropped(self) -> dict[str, int]:
        """Return the frames that were not read, by reason, over all publishers."""
        counts, stats = self._counts(), self.stream.stats()
        counts["busy"] = max(counts["busy"], stats.dropped_busy)  # the first has most of the latter
        counts["late"] += stats.frames_late
        counts["decode"] += stats.frames_failed
        counts["gate"] = stats.sparing.frames_gated
        counts["budget"] = stats.sparing.frames_unpaid
        return {reason: counts[reason] for reason in REASONS}

    def waiting(self) -> int:
        """Return how many frames are on their way into the memory; 0 once all was read."""
        counts, stats = self._counts(), self.stream.stats()
        pushed_out = stats.dropped_busy if self.stream.settings.on_full == "drop_oldest" else 0
        spared = stats.sparing.frames_gated + stats.sparing.frames_unpaid
        settled = pushed_out + stats.frames_read + stats.frames_failed + stats.frames_late + spared
        decoding = self.state == "ended" and self.ingest is not None and not self.ingest.join(0)
        return max(stats.queue, counts["emitted"] - settled) + decoding

    def json(self) -> dict[str, Any]:
        """Return the stream's state and statistics, as they stand on the wire."""
        stats = self.stream.stats()
        memory = stats.memory
        oldest, newest = memory.oldest_time, memory.newest_time
        return {
            "stream": self.name,
            "state": self.state,
            "reason": self.reason,
            "since": self.since,
            **self.details,
            "source": None if self.address is None else self.address.json(),
            "epoch": self.epoch,
            "received": self._counts()["received"],
            "used": stats.frames_read,
            "dropped": self.dropped(),
            "fps_used": round(stats.fps_read, 3),
            "lag_ms": None if stats.lag_ms is None else round(stats.lag_ms, 3),
            "queue": self.waiting(),
            "questions": stats.questions._asdict(),
            "acked_seq": self.acked,
            "sparing": stats.sparing.json(),
            "disk": None if self.stream.disk is None else self.stream.disk.stats().json(),
            "memory": {
                "tokens": memory.tokens_stored,
                "bytes": memory.device_bytes,
                "frames": memory.frames_stored,
                "frames_seen": memory.frames_seen,
                **{name: getattr(memory, name) for name in SEALED},
                "rungs": [{"blocks": blocks, "bytes": size} for blocks, size in memory.rungs],
                "span_s": None if oldest is None or newest is None else round(newest - oldest, 6),
                "newest_pts_us": None if newest is None else round(newest * 1e6),
            },
        }

    async def _close(self, ingest: Ingest | PulledSource) -> None:
        """End a publisher, whose thread may count until it is over."""
        await asyncio.to_thread(ingest.close)
        self._past += _count(ingest)
        del self._leaving[ingest]

    def _counts(self) -> Counter[str]:
        now = [*self._leaving, self.ingest] if self.ingest else list(self._leaving)
        return sum(map(_count, now), self._past.copy())


def _count(ingest: Ingest | PulledSource) -> Counter[str]:
    counters = ingest.counters
    sent = Counter(received=counters.received, emitted=counters.emitted)
    return sent + Counter({str(reason): count for reason, count in counters.dropped.items()})


class FeedRegistry:
    """All streams and their publishers."""

    def __init__(self, engine: Engine, limits: MediaLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._feeds: dict[str, Feed] = {}

    def get(self, name: str) -> Feed:
        """Return the stream called `name`, whoever made it, or raise `NotFoundError`."""
        stream = self._engine.stream(name)
        feed = self._feeds.get(name)
        if feed is None or feed.stream is not stream:
            feed = self._feeds[name] = Feed(stream)
        return feed

    def all(self) -> list[Feed]:
        """Return all streams, oldest first."""
        return [self.get(stream.name) for stream in self._engine.streams()]

    def open(
        self,
        name: str,
        form: str,
        settings: StreamSettings,
        on_fault: Callable[[LongwatchError], None],
        size: tuple[int, int] | None = None,
    ) -> tuple[Feed, Ingest]:
        """Begin to feed a stream, new or left by its last publisher, with data of format `form`.

        An existing stream keeps its memory and how it was set up; `settings.fps` alone is the
        publisher's. `on_fault` is called on another thread. `size` is (width, height) of raw
        frames.

        Raises:
            InputError: somebody feeds it already (`publisher_taken`), or the format is unknown.
            LimitError: there are too many streams.
        """
        fresh = name not in (stream.name for stream in self._engine.streams())
        feed = self.acquire(name, settings)
        if feed.taken:
            raise InputError(
                f"the stream {name!r} is being fed already; attach to it, wait until its publisher "
                "leaves, or choose another name",
                code="publisher_taken",
                param="stream",
            )
        try:
            ingest = Ingest(
                form,
                fps=settings.fps,
                limits=self._limits,
                buffer=feed.stream.buffer,
                timeline=feed.stream.timeline,
                on_fault=on_fault,
                size=size,
            )
        except BaseException:
            if fresh:
                self._engine.close_stream(name)
            raise
        feed.release("publisher_ended")
        feed.begin(ingest)
        return feed, ingest

    def discard(self, name: str) -> None:
        """Forget a stream and all it has seen."""
        feed = self.get(name)
        feed.release("closed")
        self._engine.close_stream(name)
        del self._feeds[name]
        feed.change("ended", "discarded")

    async def close(self) -> None:
        """Let all publishers go, and wait for their threads."""
        for feed in self._feeds.values():
            feed.release("closed")
        await asyncio.gather(*(feed.closed() for feed in self._feeds.values()))

    def acquire(self, name: str, settings: StreamSettings) -> Feed:
        """Return the stream called `name`, made with `settings` if there is none.

        Raises:
            InputError: the name is none (`invalid_name`), or there is no folder to keep it in.
            LimitError: there are too many streams.
        """
        try:
            return self.get(name)
        except NotFoundError:
            self._engine.open_stream(name, settings)
            return self.get(name)
