"""Streams that outlive the process: what the engine hands to the disk, and gets back at a start."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.errors import InputError, LongwatchError, StorageError
from longwatch.memory.durable.catalogue import StreamEntry
from longwatch.memory.durable.restore import restore
from longwatch.memory.durable.store import Store
from longwatch.memory.durable.vault import Vault
from longwatch.memory.durable.writer import Writer
from longwatch.memory.fetcher import Fetcher
from longwatch.memory.quota import Quota
from longwatch.serve.streams.disk import StreamDisk
from longwatch.serve.streams.settings import StreamSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longwatch.models.base import VideoLM
    from longwatch.serve.streams.stream import Stream

    Later = Callable[[Callable[[], None]], None]

log = logging.getLogger(__name__)
ENDLESS = 1 << 60  # bytes


class StreamPersistence:
    """All streams of one engine that are kept in one vault; without a vault, none."""

    def __init__(self, vault: Vault | None = None, writer: Writer | None = None) -> None:
        self.unavailable: dict[str, str] = {}  # streams that are kept but cannot be served, and why
        self.quota = Quota()  # of all streams, which the engine knows
        self._vault, self._writer = vault, writer
        self._stores: list[Store] = []
        # A thread of its own, as the writer's waits where the disk is full.
        self._reader = ThreadPoolExecutor(1, "longwatch-reader")

    @property
    def disk_error(self) -> str | None:
        """Why the disk takes nothing for now: disk_full, disk_read_only or disk_error."""
        return None if self._writer is None else self._writer.stats().reason

    def admit(self, stream: Stream) -> None:
        """Raise `InputError` where a new stream cannot be taken in.

        It is to be kept and there is no vault (`no_data`), or one of its name is kept that cannot
        be served (`stream_exists`).
        """
        if stream.settings.persist and self._vault is None:
            raise InputError(
                "this service keeps no streams on disk; start it with --data FOLDER, or leave out "
                "persist",
                code="no_data",
                param="persist",
            )
        if stream.name in self.unavailable:
            raise InputError(
                f"a stream {stream.name!r} is kept but not served: "
                f"{self.unavailable[stream.name]}; choose another name, or forget that one first",
                code="stream_exists",
                param="stream",
            )

    def persist(self, stream: Stream, model: VideoLM, later: Later) -> None:
        """Keep a new stream, which `model` reads, if it is to be; returns at once.

        `later` runs a function on the model's thread.
        """
        if not stream.settings.persist or self._vault is None or self._writer is None:
            return
        name, settings = stream.name, asdict(stream.settings)
        entry = StreamEntry(name, settings, identity(model), stream.created)
        store = self._open(self._vault, entry, stream)
        disk = self._disk(store, stream)
        kept = StreamDisk(self._vault, self._writer, entry, store, disk)
        stream.attach_disk(kept)
        kept.register()
        kept.attach(stream.memory, later)

    def restore(
        self, make: Callable[[str, StreamSettings], Stream], model: VideoLM, later: Later
    ) -> Iterator[Stream]:
        """Yield the streams that were kept, with all that they held, without reading it again.

        One that `model` did not read, or that cannot be restored, stays on disk: see `unavailable`.
        """
        if self._vault is None or self._writer is None:
            return
        for entry in self._vault.catalogue.streams():
            start = time.perf_counter()
            try:
                _check_model(entry, model)
                stream = make(entry.name, settings_of(entry))
                stream.created = entry.created
                store = self._open(self._vault, entry, stream)
                disk = self._disk(store, stream)
                commit = restore(stream.memory, store, stream.device, disk)
            except (LongwatchError, OSError) as error:
                self.unavailable[entry.name] = str(error)
                ids = {"stream": entry.name}
                log.error("the stream %s is kept but not served: %s", entry.name, error, extra=ids)
                continue
            if commit is not None and commit.last_time is not None:
                stream.timeline.resume(commit.last_time, max(0.0, time.time() - commit.written))
            kept = StreamDisk(self._vault, self._writer, entry, store, disk)
            stream.attach_disk(kept)
            kept.attach(stream.memory, later)
            frames = 0 if commit is None else commit.frames
            took = time.perf_counter() - start
            told, ids = "the stream %s is back with %d frames, in %.1f s", {"stream": entry.name}
            log.info(told, entry.name, frames, took, extra=ids)
            yield stream

    def close(self) -> None:
        """Write what waits, and let go of the folder."""
        if self._vault is not None and self._writer is not None:
            self._reader.shutdown(cancel_futures=True)
            self._writer.close()
            for store in self._stores:
                with suppress(OSError):  # the writer has said so
                    store.close()
            self._vault.close()

    def _disk(self, store: Store, stream: Stream) -> Fetcher | None:
        own, left = stream.settings.host_mb, self.quota.host_left
        if own is None and left is None:
            return None
        fetcher = Fetcher(store, ENDLESS if own is None else own << 20, self._reader.submit)
        fetcher.limit = fetcher.own if left is None else min(fetcher.own, left)
        return fetcher

    def _open(self, vault: Vault, entry: StreamEntry, stream: Stream) -> Store:
        sealing = stream.memory.policy.sealing
        store = Store(vault.folder(entry), 0 if sealing is None else len(sealing.rungs))
        self._stores.append(store)
        return store


def identity(model: VideoLM) -> str:
    """Return which model this is; another one cannot use the keys and values that it wrote."""
    return f"{model.name} {model.decoder.fingerprint}"


def settings_of(entry: StreamEntry) -> StreamSettings:
    """Return the settings that a stream was made with.

    Raises:
        StorageError: this version does not know one of them.
        ConfigError: one of them is out of range.
    """
    try:
        # Before there were fidelities, every archive was what is `small` now.
        return StreamSettings(**{"fidelity": "small", **entry.settings})
    except TypeError as error:
        raise StorageError(f"its settings are of another version ({error})") from error


def _check_model(entry: StreamEntry, model: VideoLM) -> None:
    found = identity(model)
    if entry.model.rpartition(" ")[2] != found.rpartition(" ")[2]:
        raise StorageError(
            f"it was read by another model ({entry.model}; this is {found}); serve that model to "
            "use it"
        )


@contextmanager
def open_persistence(folder: str, thumbnail_bytes: int) -> Iterator[StreamPersistence]:
    """Open the folder that streams are kept in; with an empty name none is kept.

    Raises:
        ConfigError: the folder cannot be used.
        StorageError: a later version wrote it.
    """
    if not folder:
        yield StreamPersistence()
        return
    vault = Vault(Path(folder).expanduser(), thumbnail_bytes=thumbnail_bytes)
    writer = Writer()
    writer.start()
    kept = StreamPersistence(vault, writer)
    try:
        yield kept
    finally:
        kept.close()
