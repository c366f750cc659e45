"""A stream as a client sees it: its state and its statistics."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from longwatch.errors import ClosedError

if TYPE_CHECKING:
    from longwatch.errors import LongwatchError

ON_PURPOSE = frozenset({"rate", "gate", "budget"})  # frames are left out as the stream was set up

TOLD = ("message", "attempt", "retry_in_ms", "gap")


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What the server says about a stream, about once a second."""

    received: int  # messages that reached the server
    used: int  # frames that the model has read
    dropped: dict[str, int] = field(default_factory=dict)  # frames, by reason
    fps_in: float | None = None
    fps_used: float | None = None
    lag_ms: float | None = None  # of the newest frame, from its arrival until it was read
    queue: int = 0  # frames that wait for the model
    acked_seq: int | None = None  # the last message that the server took in
    memory: dict[str, Any] = field(default_factory=dict)
    sparing: dict[str, Any] = field(default_factory=dict)  # the share of tokens that is read, ...

    @classmethod
    def parse(cls, event: dict[str, Any]) -> StreamStats:
        """Return the statistics of an `lw.stream.stats` event."""
        dropped = event.get("dropped") or {}
        return cls(
            received=event.get("received") or 0,
            used=event.get("used") or 0,
            dropped=dropped if isinstance(dropped, dict) else {"any": dropped},
            fps_in=event.get("fps_in"),
            fps_used=event.get("fps_used"),
            lag_ms=event.get("lag_ms"),
            queue=event.get("queue") or 0,
            acked_seq=event.get("acked_seq"),
            memory=event.get("memory") or {},
            sparing=event.get("sparing") or {},
        )

    @property
    def lost(self) -> int:
        """Frames that should have been read and were not; what was left out on purpose is not."""
        return sum(n for reason, n in self.dropped.items() if reason not in ON_PURPOSE)


class StreamView:
    """A stream as a client sees it: its state and its latest statistics."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.state = "online"
        """`online`, `stalled`, `offline`, `ended`, ... as the server last said."""
        self.reason: str | None = None
        """Why it is in that state: a code such as `source_refused`."""
        self.told: dict[str, Any] = {}
        """What else the server said of the state: `message`, `attempt`, `retry_in_ms`, `gap`."""
        self.stats: StreamStats | None = None
        """The latest statistics; None until the first came."""
        self.faults: deque[LongwatchError] = deque(maxlen=16)
        """The latest errors of this stream that no request caused, such as a broken picture."""
        self._news = asyncio.Event()
        self._lost: LongwatchError | None = None

    async def next_stats(self) -> StreamStats:
        """Wait for the next statistics and return them.

        Raises:
            ClosedError: the connection is gone, or the stream.
        """
        before = self.stats
        while self.stats is before or self.stats is None:
            await self.changed()
        return self.stats

    async def changed(self) -> None:
        """Wait until there is news of this stream; its end is news, too, and the last.

        Raises:
            ClosedError: there will be no more: the connection is gone, or the stream.
        """
        if self._lost is not None:
            raise self._lost
        await self._news.wait()

    # The client's reader calls what follows.

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event about this stream."""
        if event["type"] == "lw.stream.stats":
            self.stats = StreamStats.parse(event)
        elif event["type"] == "lw.stream.state":
            self.state, self.reason = event.get("state", self.state), event.get("reason")
            self.told = {key: event[key] for key in TOLD if event.get(key) is not None}
            if event.get("reason") == "discarded":
                self.lose(ClosedError(f"the stream {self.stream!r} was discarded; open it again"))
        self._tell()

    def cut(self) -> None:
        """Take in that the connection is gone, and may come back."""

    def lose(self, error: LongwatchError) -> None:
        """Let everyone who waits know that nothing more will come, and why."""
        self._lost = error
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
