"""What waits to be sent to a client, and what was sent and can be sent again."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import LimitError
from longwatch.serve.realtime import events

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from longwatch.serve.realtime.events import Event

MAX_EVENTS = 65_536  # however small they are


class ReplayBuffer:
    """Numbered texts in their order, of which the oldest go beyond `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._kept: deque[tuple[int, str]] = deque()
        self._gone = 0  # number of the newest text that is kept no more

    def add(self, number: int, text: str) -> None:
        """Keep a text, whose number is above those before it."""
        self._kept.append((number, text))
        self.bytes += len(text)
        while self.bytes > self._limit or len(self._kept) > MAX_EVENTS:
            self._gone, old = self._kept.popleft()
            self.bytes -= len(old)

    @property
    def newest(self) -> int:
        """The number of the newest text; 0 before the first."""
        return self._kept[-1][0] if self._kept else self._gone

    def after(self, number: int) -> list[tuple[int, str]] | None:
        """Return all texts with higher numbers, oldest first; None if some of them are gone."""
        if number < self._gone:
            return None
        return [(known, text) for known, text in self._kept if known > number]


NUMBERED = "evt_"  # before the number that is an event's id


class _Waiting(NamedTuple):
    number: int  # of the event; 0 of one that concerns the connection alone
    key: str | None  # of statistics, whose text is the latest of the key
    text: str


class Outbox:
    """One queue for a session, with or without a connection.

    Each event is numbered as it is put in, and its number is its `event_id`. Nothing that was put
    in is left out while the client keeps up. Of statistics only the newest of each key waits. A
    client that lets more than `limit` bytes pile up is given up: `overflowed` is set, and the
    queue holds nothing but the error that says so. The newest `kept` bytes of events, sent or not,
    statistics excepted, can be sent again to a later connection. All on the event loop's thread.
    """

    def __init__(self, limit: int, kept: int) -> None:
        self.overflowed = asyncio.Event()
        self.last = 0
        """The number of the newest event."""
        self._limit = limit
        self._ring = ReplayBuffer(kept)
        self._queue: deque[_Waiting] = deque()
        self._latest: dict[str, str] = {}
        self._bytes = 0
        self._excess = 0  # bytes beyond the limit that a replay may take
        self._attached = True
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def bytes(self) -> int:
        """How much waits; statistics do not count."""
        return self._bytes

    @property
    def newest(self) -> int:
        """The number of the newest event that is not statistics."""
        return self._ring.newest

    @property
    def kept(self) -> int:
        """How many bytes are kept for a later connection."""
        return self._ring.bytes

    def put(self, event: Event) -> None:
        """Queue an event; without a connection, or after an overflow, it is only kept."""
        number, text = self._number(event)
        self._ring.add(number, text)
        if not self._attached or self.overflowed.is_set():
            return
        if self._bytes + len(text) > self._limit + self._excess:
            self._overflow()
            return
        self._add(_Waiting(number, None, text))

    def put_latest(self, key: str, event: Event) -> None:
        """Queue an event in the place of an older one of the same key that still waits."""
        if not self._attached or self.overflowed.is_set():
            return
        waiting = next((w for w in self._queue if w.key == key), None) if self._latest else None
        if waiting is None:
            number, self._latest[key] = self._number(event)
            self._add(_Waiting(number, key, ""))
        else:
            self._latest[key] = json.dumps({**event, "event_id": f"{NUMBERED}{waiting.number}"})

    def put_alone(self, event: Event) -> None:
        """Queue an event that concerns this connection alone and is never sent again."""
        if self._attached and not self.overflowed.is_set():
            self._add(_Waiting(0, None, json.dumps(event)))

    async def run(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send what is queued, until cancelled."""
        while True:
            await self._news.wait()
            while self._queue:
                waiting = self._queue.popleft()
                self._bytes -= len(waiting.text)
                key = waiting.key
                await send(waiting.text if key is None else self._latest.pop(key))
            self._excess = 0
            self._news.clear()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until everything queued was handed to the connection."""
        await self._idle.wait()

    def detach(self) -> None:
        """Let go of the connection; what is put in from now on is only kept."""
        self._attached = False
        self._clear()

    def resume(self, after: int, greeting: Event) -> bool:
        """Queue `greeting` and all events above the number `after`, for a new connection.

        Returns False, and does nothing, when they are not all kept, or `after` never was.
        """
        missed = self._ring.after(after)
        if missed is None or after > self.last:
            return False
        self._clear()
        self.overflowed.clear()
        self._attached = True
        self.put_alone(greeting)
        for number, text in missed:
            self._add(_Waiting(number, None, text))
        self._excess = self._bytes
        return True

    def _number(self, event: Event) -> tuple[int, str]:
        self.last += 1
        return self.last, json.dumps({**event, "event_id": f"{NUMBERED}{self.last}"})

    def _add(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += len(waiting.text)
        self._news.set()
        self._idle.clear()

    def _clear(self) -> None:
        self._queue.clear()
        self._latest.clear()
        self._bytes = self._excess = 0
        self._news.clear()
        self._idle.set()

    def _overflow(self) -> None:
        self._clear()
        slow = LimitError(
            f"more than {self._limit} bytes wait for this client; read faster, or ask for less "
            "at once",
            code="slow_consumer",
        )
        self._add(_Waiting(0, None, json.dumps(events.error(slow, fatal=True))))
        self.overflowed.set()
