"""One stream's publisher, how that goes, and what came of its frames."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.streams.stream import Stream
    from longwatch.stream.ingest.ingest import Ingest
    from longwatch.stream.pull.address import Address
    from longwatch.stream.pull.supervisor import Pull

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
        self.told: dict[str, Any] = {}  # what else is known of the state
        self.epoch = 0  # publishers so far
        self.acked: int | None = None  # the newest sequence number taken in
        self.acked_before: int | None = None  # the last one of the publisher before
        self.ingest: Ingest | Pull | None = None  # of the publisher there is
        self._watchers: list[Callable[[Feed], None]] = []
        self._leaving: dict[Ingest | Pull, asyncio.Task[None]] = {}  # earlier ones, at their end
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
        self.told = told
        about = {"stream": self.name, "epoch": self.epoch, "reason": reason, **told}
        about["why"] = about.pop("message", None)  # a log record has a `message` of its own
        log.info("stream %s", state, extra={key: value for key, value in about.items() if value})
        for watcher in tuple(self._watchers):
            watcher(self)

    def begin(self, ingest: Ingest | Pull, state: State = "online") -> None:
        """Take in a publisher."""
        self.ingest = ingest
        self.epoch += 1
        self.acked, self.acked_before = None, self.acked
        self.change(state)

    def leave(self, reason: str) -> None:
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
            **self.told,
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
            "disk": None if self.stream.kept is None else self.stream.kept.stats().json(),
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

    async def _close(self, ingest: Ingest | Pull) -> None:
        """End a publisher, whose thread may count until it is over."""
        await asyncio.to_thread(ingest.close)
        self._past += _count(ingest)
        del self._leaving[ingest]

    def _counts(self) -> Counter[str]:
        now = [*self._leaving, self.ingest] if self.ingest else list(self._leaving)
        return sum(map(_count, now), self._past.copy())


def _count(ingest: Ingest | Pull) -> Counter[str]:
    counters = ingest.counters
    sent = Counter(received=counters.received, emitted=counters.emitted)
    return sent + Counter({str(reason): count for reason, count in counters.dropped.items()})
