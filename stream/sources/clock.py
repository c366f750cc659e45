"""Play a recording at the speed of a live stream."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Pacer:
    """Tells when a frame of a recording is due; the first one is due at once.

    A player that fell behind catches up: due times depend on the first frame alone, so that
    delays never add up. `speed` is how many seconds of the recording pass in a second, and
    infinity plays as fast as it goes.
    """

    def __init__(
        self,
        speed: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed must be above 0, not {speed}; 1 plays like a live stream")
        self.speed = speed
        self._clock = clock
        self._sleep = sleep
        self._origin: tuple[float, float] | None = None  # the first frame's time, and when it was

    def delay(self, time: float) -> float:
        """Return in how many seconds the frame at `time` is due; 0 when it is due or late."""
        if math.isinf(self.speed):
            return 0.0
        now = self._clock()
        if self._origin is None:
            self._origin = (time, now)
        first, began = self._origin
        return max(0.0, began + (time - first) / self.speed - now)

    async def wait(self, time: float) -> None:
        """Return when the frame at `time`, in seconds, is due."""
        delay = self.delay(time)
        if delay > 0:
            await self._sleep(delay)
