"""An append-only log of records, in numbered files of one folder."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from longwatch.errors import StorageError
from longwatch.memory.durable.files import numbered_path, numbered_sizes, sync_folder, write_all
from longwatch.memory.durable.mend import mend
from longwatch.memory.durable.record import (
    HEAD,
    TITLE,
    Place,
    Record,
    flat,
    make_header,
    parse,
    scan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

log = logging.getLogger(__name__)

FILE_BYTES = 64 << 20


class Log:
    """Records in the order in which they were appended.

    A file grows to `file_bytes` and is then left alone; `tidy` deletes it when none of its records
    is alive any more, or renames it if it is damaged. One thread calls everything that writes;
    `read` may be called from any.

    At start the newest file loses what comes after its last whole record, which is what a crash
    leaves behind. Damage elsewhere costs the records that it hits, and no others.
    """

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES) -> None:
        """Open the log in `folder`, which need not exist yet.

        Raises:
            StorageError: a file is in a format of a later version.
            OSError: the newest file cannot be read.
        """
        self.folder = folder
        self.file_bytes = file_bytes
        self.cut = 0  # bytes taken off the end of the newest file at start
        self.damaged = 0  # stretches that `records` had to leave out
        self._sizes = numbered_sizes(folder)
        self._live: dict[int, int] = {}
        self._hurt: set[int] = set()  # files with something that could not be read
        self._handle: FileIO | None = None  # of the newest file, once something was appended
        self._file = max(self._sizes, default=0)
        self._dirty = False
        self._usable = False  # whether the newest file may be appended to
        if self._file:
            end = mend(self._path(self._file), self._file)
            if end is not None:
                self.cut = max(0, self._sizes[self._file] - end)
                self._sizes[self._file], self._usable = end, True

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(list(self._sizes.values()))

    def records(self) -> Iterator[Record]:
        """Yield all whole records, oldest first; once, before anything is appended.

        Each counts as alive until it is released, which may happen on the way.
        """
        for number in sorted(self._sizes):
            self._live[number] = 0
            try:
                data = self._path(number).read_bytes()
            except OSError as error:
                log.error("%s cannot be read and is left out: %s", self._path(number), error)
                self.damaged += 1
                self._hurt.add(number)
                continue
            end = len(TITLE)
            for record in scan(data, number, len(TITLE)):
                self._note_gap(number, end, record.place.offset)
                self._live[number] += 1
                yield record
                end = record.end
            self._note_gap(number, end, len(data))

    def append(self, kind: int, key: int, parts: Sequence[object]) -> Place:
        """Write a record whose body is the buffers `parts`, one after the other.

        Raises:
            OSError: it could not be written; then nothing has changed.
        """
        body = flat(parts)
        size = HEAD.size + sum(part.nbytes for part in body)
        handle = self._ready(size)
        start = self._sizes[self._file]
        head, place = make_header(self._file, start, kind, key, body)
        try:
            handle.seek(start)
            for part in (memoryview(head), *body):
                write_all(handle, part)
        except OSError:
            self._undo(handle, start)
            raise
        self._sizes[self._file] = start + size
        self._live[self._file] = self._live.get(self._file, 0) + 1
        self._dirty = True
        return place

    def read(self, place: Place) -> memoryview:
        """Return a record's body.

        Raises:
            StorageError: it is not there any more, or damaged.
        """
        try:
            with self._path(place.file).open("rb", buffering=0) as file:
                file.seek(place.offset)
                data = file.read(HEAD.size + place.length)
        except OSError as error:
            raise self._unreadable(place, str(error)) from error
        record = parse(memoryview(data), place.file, place.offset, 0)
        if not isinstance(record, Record) or record.place != place:
            raise self._unreadable(place, "its checksum is wrong")
        return record.body

    def release(self, place: Place) -> None:
        """Say that nobody needs the record any more."""
        self._live[place.file] -= 1

    def tidy(self) -> None:
        """Delete the files, besides the newest, that hold nothing that is needed any more.

        What took the place of their records should have been synced before.
        """
        for number in [n for n, live in self._live.items() if not live and n != self._file]:
            self._drop(number)

    def rewind(self, end: Place | None) -> None:
        """Take off all records after `end`, or all there are; before anything is appended.

        Raises:
            OSError: it could not be done, or not wholly; doing it again goes on.
        """
        for number in sorted(self._sizes, reverse=True):
            if end is None or number > end.file:
                self._drop(number)
        if end is not None:
            stop = end.offset + HEAD.size + end.length
            with self._path(end.file).open("r+b", buffering=0) as file:
                file.truncate(stop)
            self._sizes[end.file] = stop
        self._file = max(self._sizes, default=0)
        self._usable = end is not None and end.file == self._file

    def sync(self) -> None:
        """Wait until everything appended is on the disk itself. Again does nothing."""
        if self._dirty and self._handle is not None:
            os.fsync(self._handle.fileno())
        self._dirty = False

    def close(self) -> None:
        """Sync and let go of the newest file. Again does nothing."""
        try:
            self.sync()
        finally:
            if self._handle is not None:
                self._handle.close()
            self._handle = None

    def _ready(self, size: int) -> FileIO:
        """Return the newest file, with room for `size` bytes or empty."""
        if self._usable:
            used = self._sizes[self._file]
            if used <= len(TITLE) or used + size <= self.file_bytes:
                if self._handle is None:
                    self._handle = self._path(self._file).open("r+b", buffering=0)
                return self._handle
            self.close()
            self._usable = False
        full, self._file = self._file, self._file + 1
        try:
            handle = self._begin()
        except OSError:
            self._file = full
            raise
        self._handle, self._usable = handle, True
        return handle

    def _begin(self) -> FileIO:
        """Make the file with the running number."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(self._file)
        handle = path.open("w+b", buffering=0)
        try:
            write_all(handle, memoryview(TITLE))
            sync_folder(self.folder)
        except OSError:
            handle.close()
            with suppress(OSError):
                path.unlink()
            raise
        self._sizes[self._file] = len(TITLE)
        return handle

    def _undo(self, handle: FileIO, start: int) -> None:
        """Take off what was written of a record; where that fails, too, go on in a new file."""
        try:
            handle.truncate(start)
        except OSError:
            self._usable = False
            self._handle = None
            with suppress(OSError):
                handle.close()

    def _note_gap(self, number: int, start: int, end: int) -> None:
        if end > start:
            self.damaged += 1
            self._hurt.add(number)
            log.error("%s is damaged: left out %d bytes", self._path(number), end - start)

    def _drop(self, number: int) -> None:
        """Delete a file, or rename it where it has something that could not be read."""
        path = self._path(number)
        with suppress(FileNotFoundError):
            if number in self._hurt:
                path.rename(path.with_name(f"{path.name}.damaged"))
            else:
                path.unlink()
        self._live.pop(number, None)
        del self._sizes[number]

    def _path(self, number: int) -> Path:
        return numbered_path(self.folder, number)

    def _unreadable(self, place: Place, why: str) -> StorageError:
        return StorageError(
            f"a record in {self._path(place.file).name} of {self.folder.name!r} cannot be read: "
            f"{why}; check the disk"
        )
