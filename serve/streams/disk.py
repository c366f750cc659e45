"""One stream's place on disk, as the engine uses it."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.thumbnail import make_thumbnail
from longwatch.serve.observability.context import log_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.memory.durable.catalogue import Alert, Exchange, StreamEntry
    from longwatch.memory.durable.store import Commit, Store
    from longwatch.memory.durable.vault import Vault
    from longwatch.memory.durable.writer import Writer
    from longwatch.memory.memory import Memory
    from longwatch.memory.need import Disk
    from longwatch.types import Frame

    Later = Callable[[Callable[[], None]], None]

log = logging.getLogger(__name__)
FINISH_SECONDS = 10.0  # that the end of the service waits for the disk


class DiskStats(NamedTuple):
    """How a stream's place on disk is doing."""

    state: str  # ok or degraded
    reason: str | None  # disk_full, disk_read_only or disk_error while it is degraded
    nbytes: int  # on disk
    behind: bool  # something waits for room in the writer's queue

    def json(self) -> dict[str, Any]:
        """Return them as they stand on the wire."""
        told = {"state": self.state, "reason": self.reason, "bytes": self.nbytes}
        return {**told, "behind": self.behind}


class StreamDisk:
    """One stream's place on disk."""

    def __init__(
        self,
        vault: Vault,
        writer: Writer,
        entry: StreamEntry,
        store: Store,
        disk: Disk | None = None,  # where blocks are read back from, if RAM need not hold all
    ) -> None:
        self.entry = entry
        self._disk = disk
        self._trim: Callable[[], None] | None = None  # lets blocks leave RAM
        self._vault, self._writer, self._store = vault, writer, store
        self._journal: Journal | None = None
        store.noted = self._note

    def register(self) -> None:
        """Enter a new stream, as soon as the disk takes it."""
        job = partial(self._vault.enter, self.entry)
        if not self._writer.offer(job, 0, self._vault.catalogue):
            self._writer.when_room(self.register)

    def attach(self, memory: Memory, later: Later) -> None:
        """Write down what `memory` reads from now on; `later` runs a function on its thread."""

        def careful(work: Callable[[], None]) -> None:
            with log_context(stream=self.entry.name):
                try:
                    work()
                except Exception:  # the model's thread must go on
                    log.exception("the stream %s could not be written down", self.entry.name)

        self._journal = Journal(
            self._store, self._writer, lambda work: later(partial(careful, work))
        )
        memory.keep(self._journal, self._disk)

        def trim() -> None:
            if memory.archive is not None:
                memory.archive.trim()

        self._trim = partial(later, partial(careful, trim))

    def save_thumbnail(self, frame: Frame) -> None:
        """Keep a small picture of a frame, unless the writer is too busy for that."""
        catalogue = self._vault.catalogue

        def write() -> None:
            catalogue.add_thumbnail(self.entry.name, frame.time, make_thumbnail(frame.image))

        self._writer.offer(write, frame.image.nbytes, catalogue)

    def thumbnail_times(self) -> list[float]:
        """Return which moments there are pictures of, in seconds; may wait for the disk."""
        return self._vault.catalogue.thumbnail_times(self.entry.name)

    def nearest_thumbnail(self, time: float) -> tuple[float, bytes] | None:
        """Return the time and the JPEG of the picture nearest to `time`; may wait for the disk."""
        return self._vault.catalogue.thumbnail(self.entry.name, time)

    def log_exchange(self, told: Exchange) -> None:
        """Keep a question and its answer."""
        write = partial(self._vault.catalogue.add_exchange, self.entry.name, told)
        size = len(told.question) + len(told.answer)
        self._writer.offer(write, size, self._vault.catalogue)

    def dialogue(self) -> list[Exchange]:
        """Return all questions and answers that are kept, oldest first; may wait for the disk."""
        return self._vault.catalogue.dialogue(self.entry.name)

    def log_alert(self, alert: Alert) -> None:
        """Keep that a watch spoke up."""
        write = partial(self._vault.catalogue.add_alert, self.entry.name, alert)
        self._writer.offer(write, len(alert.text), self._vault.catalogue)

    def alerts(self) -> list[Alert]:
        """Return when watches spoke up, oldest first; may wait for the disk."""
        return self._vault.catalogue.alerts(self.entry.name)

    def delete(self) -> None:
        """Remove all that is on disk, soon."""

        def remove() -> None:
            self._store.discard()
            self._vault.forget(self.entry)

        if not self._writer.offer(remove):
            self._writer.when_room(self.delete)

    def flush(self) -> None:
        """Hand over what still waits; on the memory's thread, or after it has ended."""
        end = time.monotonic() + FINISH_SECONDS
        while self._journal is not None and self._journal.behind and time.monotonic() < end:
            self._journal.save()
            self._writer.flush(1.0)

    def stats(self) -> DiskStats:
        """Return how it is doing, from any thread."""
        writer, journal = self._writer.stats(), self._journal
        behind = journal is not None and journal.behind
        return DiskStats(writer.state, writer.reason, self._store.nbytes, behind)

    def _note(self, commit: Commit) -> None:
        if self._disk is not None:
            self._disk.end = commit.end
            if self._trim is not None:
                self._trim()
        self._vault.catalogue.note_progress(
            self.entry.name, commit.last_time, commit.frames, commit.tokens
        )
