"""A source that is read in a thread of its own, and the pace at which its frames are played."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from longwatch.errors import ClosedError, ConfigError, LongwatchError, SourceError
from longwatch.stream.buffer import DropPolicy, LatestBuffer
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

AHEAD = 4  # frames that are made before they are asked for
STOP = 10.0  # seconds to wait for the thread at the end; it ends at the next frame


class BackgroundSource(ABC):
    """A `FrameSource` that is iterated once. Its thread starts with the first frame asked for.

    `pacer` holds each frame back until it is due; None hands frames on as they come.
    """

    def __init__(self, *, pacer: Pacer | None, policy: DropPolicy = DropPolicy.BLOCK) -> None:
        self._pacer = pacer
        self._buffer = LatestBuffer(AHEAD, policy, on_put=self._wake)
        self._worker = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None  # of the one who iterates
        self._ready = asyncio.Event()
        self._error: LongwatchError | None = None
        self._stopped = False

    @abstractmethod
    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:
        """Yield (seconds, RGB picture) in increasing time order; runs on the source's thread.

        What it opens it closes, also when it is closed before its end.

        Raises:
            SourceError: the source cannot be opened, or breaks.
        """

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._worker.is_alive()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames on the caller's own thread, as fast as they come."""
        for index, (at, image) in enumerate(self.pictures()):
            yield Frame(image, at, index, arrived=time.monotonic())

    async def __aiter__(self) -> AsyncIterator[Frame]:
        """Yield frames as they become due.

        Raises:
            SourceError: the source cannot be opened, or breaks.
            ClosedError: the source was iterated or closed before.
        """
        if self._loop is not None or self._stopped:
            raise ClosedError("a source can be iterated once; open it again")
        self._loop = asyncio.get_running_loop()
        self._worker.start()
        while not self._stopped:
            over = self._buffer.closed  # asked first, for the last frame comes before the end
            frame = self._buffer.get_nowait()
            if frame is not None:
                if self._pacer is not None:
                    await self._pacer.wait(frame.time)
                yield frame
            elif over:
                break
            else:
                await self._ready.wait()
                self._ready.clear()
        if self._error is not None and not self._stopped:
            raise self._error

    async def aclose(self) -> None:
        """Stop the thread and release the source. Calling it again does nothing."""
        self._stopped = True
        self._buffer.close()
        self._ready.set()
        if self._worker.ident is not None:
            await asyncio.to_thread(self._worker.join, STOP)

    def _run(self) -> None:
        pictures = self.pictures()
        try:
            for index, (at, image) in enumerate(pictures):
                self._buffer.put(Frame(image, at, index, arrived=time.monotonic()))
        except ClosedError:  # nobody wants more
            pass
        except LongwatchError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  one that nobody foresaw still has to reach the reader
            self._error = SourceError(f"the source broke ({type(error).__name__}); open it again")
        finally:
            pictures.close()
            self._buffer.close()
            self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop was closed just now
                self._loop.call_soon_threadsafe(self._ready.set)


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
