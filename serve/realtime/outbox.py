"""What waits to be sent to one client: bounded, in order, and never a reason to wait."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING

from longwatch.errors import LimitError
from longwatch.serve.realtime import events

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from longwatch.serve.realtime.events import Event


class Outbox:
    """One queue for a connection.

    Nothing that was put in is left out while the client keeps up. Of statistics only the newest
    of each key waits. A client that lets more than `limit` bytes pile up is given up: `overflowed`
    is set, and the queue holds nothing but the error that says so.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]], limit: int) -> None:
        self.overflowed = asyncio.Event()
        self._send = send
        self._limit = limit
        self._queue: deque[tuple[str | None, str]] = deque()  # (key, text); a key's text is latest
        self._latest: dict[str, str] = {}
        self._bytes = 0
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def bytes(self) -> int:
        """How much waits; statistics do not count."""
        return self._bytes

    def put(self, event: Event) -> None:
        """Queue an event; after an overflow it does nothing. On the event loop's thread only."""
        if self.overflowed.is_set():
            return
        text = json.dumps(event)
        if self._bytes + len(text) > self._limit:
            self._overflow()
            return
        self._add(None, text)

    def put_latest(self, key: str, event: Event) -> None:
        """Queue an event in the place of an older one of the same key that still waits."""
        if self.overflowed.is_set():
            return
        waiting = key in self._latest
        self._latest[key] = json.dumps(event)
        if not waiting:
            self._add(key, "")

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        while True:
            await self._news.wait()
            while self._queue:
                key, text = self._queue.popleft()
                self._bytes -= len(text)
                await self._send(text if key is None else self._latest.pop(key))
            self._news.clear()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until everything queued was handed to the connection."""
        await self._idle.wait()

    def _add(self, key: str | None, text: str) -> None:
        self._queue.append((key, text))
        self._bytes += len(text)
        self._news.set()
        self._idle.clear()

    def _overflow(self) -> None:
        self._queue.clear()
        self._latest.clear()
        self._bytes = 0
        slow = LimitError(
            f"more than {self._limit} bytes wait for this client; read faster, or ask for less "
            "at once",
            code="slow_consumer",
        )
        self._add(None, json.dumps(events.error(slow, fatal=True)))
        self.overflowed.set()
