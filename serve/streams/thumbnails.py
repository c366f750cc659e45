"""Small pictures of what a stream showed, so that answers can be checked by eye."""

from __future__ import annotations

import bisect
import logging
import queue
import threading
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from longwatch.memory.durable.thumbnail import make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.types import Frame

log = logging.getLogger(__name__)
WAITING = 8  # frames that may wait to be made small; more are left out


class Thumbnail(NamedTuple):
    """A frame as it was kept."""

    time: float  # seconds on the stream's clock
    jpeg: bytes


class PicturesOnDisk(Protocol):
    """The pictures of a stream that is on disk."""

    def save_thumbnail(self, frame: Frame) -> None:
        """Keep a small picture of a frame, unless the disk is too busy for that."""

    def thumbnail_times(self) -> list[float]:
        """Return which moments there are pictures of, in seconds; may wait for the disk."""
        ...

    def nearest_thumbnail(self, time: float) -> tuple[float, bytes] | None:
        """Return the time and the JPEG of the picture nearest to `time`; may wait for the disk."""


class ThumbnailWorker:
    """One thread that makes frames small, for all streams; it begins with the first frame."""

    def __init__(self) -> None:
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def offer(self, work: Callable[[], None]) -> bool:
        """Do `work` soon, or return False where too much waits already. On one thread only."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="longwatch-easel", daemon=True)
            self._thread.start()
        try:
            self._work.put_nowait(partial(copy_context().run, _careful, work))
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """End the thread once it has done what waits. Again does nothing."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _careful(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # a picture that cannot be drawn must not end those to come
        log.exception("a picture could not be made")


class ThumbnailStore:
    """One stream's pictures. Those of a stream on disk are there, the others here in RAM.

    Over `limit` bytes every second picture of the older half goes, so that what is long past gets
    sparse and is not cut off. Anybody may look; the model's thread adds.
    """

    def __init__(self, worker: ThumbnailWorker, limit: int) -> None:
        self.disk: PicturesOnDisk | None = None
        self._worker, self._limit = worker, limit
        self._thumbnails: list[Thumbnail] = []  # by time
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the pictures in RAM."""
        return self._bytes

    def add(self, frame: Frame) -> None:
        """Keep a small picture of `frame`, unless too many wait to be made."""
        if self.disk is not None:
            self.disk.save_thumbnail(frame)
            return
        self._worker.offer(lambda: self._put(Thumbnail(frame.time, make_thumbnail(frame.image))))

    def times(self) -> list[float]:
        """Return which moments there are pictures of, in seconds, oldest first."""
        if self.disk is not None:
            return self.disk.thumbnail_times()
        with self._lock:
            return [picture.time for picture in self._thumbnails]

    def nearest(self, time: float) -> Thumbnail | None:
        """Return the picture nearest to `time`, in seconds; None where there is none at all."""
        if self.disk is not None:
            found = self.disk.nearest_thumbnail(time)
            return found and Thumbnail(*found)
        with self._lock:
            at = bisect.bisect_left(self._thumbnails, time, key=lambda picture: picture.time)
            near = self._thumbnails[max(0, at - 1) : at + 1]
        return min(near, key=lambda picture: abs(picture.time - time), default=None)

    def _put(self, picture: Thumbnail) -> None:
        with self._lock:
            self._thumbnails.append(picture)
            self._bytes += len(picture.jpeg)
            while self._bytes > self._limit and len(self._thumbnails) > 1:
                older = (len(self._thumbnails) + 1) // 2
                stay = self._thumbnails[:older:2] if older > 1 else []
                self._thumbnails = stay + self._thumbnails[older:]
                self._bytes = sum(len(picture.jpeg) for picture in self._thumbnails)
