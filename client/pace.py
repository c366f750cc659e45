"""When the next piece of a recording is due: like a live one, or as fast as the server takes it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from longwatch.client.streams import Publisher

_PICTURES = 32  # that may be under way; the server lets so many wait where none may be lost
_CHUNKS = 256
_BYTES = 8 * 2**20  # of encoded video under way; half of what the server lets wait


class Pace(Protocol):
    """Says when to send."""

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:
        """Wait until a message of `size` bytes that is due at `due` seconds may be sent."""
        ...


class Live:
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


class Unpaced:
    """Sends at once; only for what is live already, as a camera is."""

    async def wait(self, publisher: Publisher, due: float, size: int) -> None:  # noqa: D102
        return


class Eager:
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
    return Eager(pictures=pictures) if speed is None else Live(speed)
