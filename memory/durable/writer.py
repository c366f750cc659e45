"""The one thread that writes to disk, for all streams."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from longwatch.errors import ConfigError
from longwatch.memory.durable.disk import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

log = logging.getLogger(__name__)

OVERHEAD = 256  # bytes that a job counts for besides what it holds


class Target(Protocol):
    """Something that jobs write to."""

    def sync(self) -> None:
        """Wait until all that was written is on the disk itself; OSError if it cannot be."""
        ...


@dataclass(frozen=True)
class WriterSettings:
    """How much may wait, and how often the disk is asked."""

    queue_bytes: int = 128 << 20
    sync_seconds: float = 0.5  # between two waits for the disk itself, at least
    retry_seconds: float = 0.1  # before the second try; doubles from there
    retry_seconds_most: float = 10.0

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.queue_bytes < 1:
            raise ConfigError(f"queue_bytes must be at least 1, not {self.queue_bytes}")
        if self.sync_seconds < 0:
            raise ConfigError(f"sync_seconds must not be negative, and {self.sync_seconds} is")
        if not 0 < self.retry_seconds <= self.retry_seconds_most:
            raise ConfigError(
                f"retry_seconds must be above 0 and at most {self.retry_seconds_most}, not "
                f"{self.retry_seconds}"
            )


class WriterStats(NamedTuple):
    """How the writer is doing."""

    reason: str | None  # disk_full, disk_read_only or disk_error while it is degraded, else None
    full: bool  # the last job that was offered had to be refused
    waiting: int  # jobs
    waiting_bytes: int
    lost: int  # jobs that failed for another reason than the disk

    @property
    def state(self) -> str:
        """Return `ok`, or `degraded`: nothing reaches the disk, and it is tried again and again."""
        return "ok" if self.reason is None else "degraded"


class Job(NamedTuple):
    """What waits. It runs again after a failure, so a failed run must leave nothing behind."""

    run: Callable[[], object]
    nbytes: int
    target: Target | None
    context: Context  # of whoever offered it, so that log lines say what it is about


class Writer:
    """Runs jobs in the order in which they came, from any thread; nobody waits for the disk.

    A job that the disk refuses is tried until it works, and those behind it wait. So much may
    wait and no more: then `offer` says no, and the owner keeps what it has and offers it again.
    """

    def __init__(self, settings: WriterSettings | None = None) -> None:
        self.settings = settings or WriterSettings()
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._refused = False
        self._lost = 0
        self._waiters: list[Callable[[], object]] = []
        self._reason: str | None = None
        self._dirty: dict[Target, None] = {}  # in the order in which they were written to
        self._synced = time.monotonic()
        self._hurry = False  # sync as soon as nothing waits
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="longwatch-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def offer(
        self, run: Callable[[], object], nbytes: int = 0, target: Target | None = None
    ) -> bool:
        """Take a job that holds `nbytes` until it has run; `target` is synced some time later.

        Returns whether there was room. A job that is larger than all room is taken alone.
        """
        nbytes += OVERHEAD
        with self._changed:
            room = not self._jobs or self._bytes + nbytes <= self.settings.queue_bytes
            self._refused = not room
            if room and not self._closing.is_set():
                self._jobs.append(Job(run, nbytes, target, copy_context()))
                self._bytes += nbytes
                self._changed.notify_all()
                return True
            return False

    def when_room(self, call: Callable[[], object]) -> None:
        """Call once, when there may be room again, on any thread; it must not block."""
        with self._changed:
            if self._jobs:
                self._waiters.append(call)
                return
        if not self._closing.is_set():
            call()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits and all is on the disk itself; False after `timeout` seconds."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: not (self._jobs or self._dirty) or not self._thread.is_alive(), timeout
            )

    def close(self) -> None:
        """Write what waits, unless the disk refuses it, and end. Again does nothing."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        if self._jobs:
            log.error("%d writes never reached the disk: %s", len(self._jobs), self._reason)
            self._jobs.clear()

    def stats(self) -> WriterStats:
        """Return how it is doing, from any thread."""
        with self._changed:
            return WriterStats(
                self._reason, self._refused, len(self._jobs), self._bytes, self._lost
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._jobs or self._closing.is_set() or self._sync_due(), self._pause()
                )
                job = self._jobs[0] if self._jobs else None  # others only append
                ending = self._closing.is_set() and job is None
            if job is not None and not job.context.run(self._until_done, job.run):
                return
            if job is not None:
                self._done(job)
            if (ending or self._sync_due()) and not self._sync():
                return
            if ending:
                return

    def _pause(self) -> float | None:
        """Return the seconds until a sync is due, if one will be."""
        if not self._dirty:
            return None
        return max(0.0, self._synced + self.settings.sync_seconds - time.monotonic())

    def _sync_due(self) -> bool:
        if not self._dirty:
            return False
        return (self._hurry and not self._jobs) or self._pause() == 0

    def _sync(self) -> bool:
        """Sync all that was written to; returns whether to go on."""
        for target in list(self._dirty):
            if not self._until_done(target.sync):
                return False
            with self._changed:
                del self._dirty[target]
        self._synced = time.monotonic()
        with self._changed:
            self._hurry = self._hurry and bool(self._jobs)
            self._changed.notify_all()
        return True

    def _done(self, job: Job) -> None:
        with self._changed:
            if job.target is not None:
                self._dirty[job.target] = None
            self._jobs.popleft()
            self._bytes -= job.nbytes
            waiters, self._waiters = self._waiters, []
            self._changed.notify_all()
        for call in waiters:
            call()

    def _until_done(self, run: Callable[[], object]) -> bool:
        """Run until the disk takes it; returns False when the writer closes before that."""
        pause = self.settings.retry_seconds
        while True:
            try:
                run()
            except Exception as error:  # one stream's fault must not end all writing
                reason = reason_of(error)
                if reason is None:
                    self._lost += 1
                    log.exception("a write failed, and is left out")
                    return True
                self._degrade(reason, error)
            else:
                self._degrade(None)
                return True
            if self._closing.wait(pause):
                return False
            pause = min(2 * pause, self.settings.retry_seconds_most)

    def _degrade(self, reason: str | None, error: Exception | None = None) -> None:
        """Note that the disk refuses, or takes writes again; say it once."""
        if reason == self._reason:
            return
        with self._changed:
            self._reason = reason
        if reason is None:
            log.warning("the disk takes writes again")
        else:
            log.error(
                "nothing is written to disk for now (%s: %s); streams go on in RAM, and it is "
                "tried again",
                reason,
                error,
            )
