"""The folder that a server keeps its streams in: who uses it, and what is where."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError, InputError, NotFoundError
from longwatch.memory.durable.catalogue import Catalogue, StreamEntry

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

log = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CARD = "stream.json"  # in each stream's folder: what the catalogue says of it
FORGOTTEN = ".forgotten-"


class Vault:
    """Streams on disk: a catalogue of all, and a folder for each.

    One process at a time may change what is in it. A stream's folder is named after it and the
    moment when it was made, so that one that is being forgotten is not in the way of the next.
    """

    def __init__(self, root: Path, *, thumbnail_bytes: int = 64 << 20, write: bool = True) -> None:
        """Open the vault at `root`, or make it; `write` is for who changes what is in it.

        Raises:
            ConfigError: another process writes it, or it cannot be used.
            StorageError: it was written by a later version.
        """
        self.root = root
        self._lock: FileIO | None = None
        try:
            if write:
                root.mkdir(parents=True, exist_ok=True)
                self._lock = _locked(root / "lock")
            elif not (root / "catalogue.sqlite").is_file():
                raise ConfigError(f"{str(root)!r} holds no streams; correct --data")
            self.catalogue = Catalogue(
                root / "catalogue.sqlite", thumbnail_bytes=thumbnail_bytes, check=write
            )
            if write:
                self._reconcile()
        except (OSError, sqlite3.Error) as error:
            self._unlock()
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(
                f"streams cannot be kept in {str(root)!r}: {why}; choose another folder with "
                "--data, or leave it out"
            ) from error
        except BaseException:
            self._unlock()
            raise

    def entry(self, name: str) -> StreamEntry:
        """Return what is known of a stream, or raise `NotFoundError` (`stream_not_found`)."""
        entries = {entry.name: entry for entry in self.catalogue.streams()}
        if name not in entries:
            raise NotFoundError(
                f"no stream {name[:80]!r} is kept (kept: {', '.join(entries) or 'none'})",
                code="stream_not_found",
                param="stream",
            )
        return entries[name]

    def folder(self, entry: StreamEntry) -> Path:
        """Return where a stream's memory is."""
        check_name(entry.name)
        return self.root / "streams" / f"{entry.name}@{round(entry.created * 1000):x}"

    def nbytes(self, entry: StreamEntry) -> int:
        """Return the bytes of a stream's memory on disk."""
        return sum(file.stat().st_size for file in self.folder(entry).rglob("*") if file.is_file())

    def enter(self, entry: StreamEntry) -> None:
        """Make a stream's folder and enter it; doing so again changes nothing.

        Raises:
            OSError, sqlite3.Error: it could not be done wholly.
        """
        folder = self.folder(entry)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{CARD}"
        draft.write_text(json.dumps(entry._asdict(), indent=1))
        draft.replace(folder / CARD)
        self.catalogue.put_stream(entry)

    def forget(self, entry: StreamEntry) -> None:
        """Remove a stream and all that belongs to it; what is half done is finished at a start."""
        folder = self.folder(entry)
        gone = folder.with_name(FORGOTTEN + folder.name)
        with suppress(FileNotFoundError):
            folder.rename(gone)
        if entry.created in (e.created for e in self.catalogue.streams() if e.name == entry.name):
            self.catalogue.forget(entry.name)
        if gone.exists():
            shutil.rmtree(gone)

    def close(self) -> None:
        """Let another process have it. Again does nothing."""
        self.catalogue.close()
        self._unlock()

    def _reconcile(self) -> None:
        """Let the catalogue and the folders say the same again after a crash or damage."""
        known = {self.folder(entry).name: entry for entry in self.catalogue.streams()}
        found = set()
        for folder in sorted((self.root / "streams").glob("*")):
            if folder.name.startswith(FORGOTTEN):
                shutil.rmtree(folder, ignore_errors=True)
            elif (folder / CARD).is_file():
                found.add(folder.name)
                if folder.name not in known:
                    self._take_in(folder)
        for name, entry in known.items():
            if name not in found:
                ids = {"stream": entry.name}
                log.warning(
                    "nothing is left of the stream %s; it is forgotten", entry.name, extra=ids
                )
                self.catalogue.forget(entry.name)

    def _take_in(self, folder: Path) -> None:
        """Enter a stream that the catalogue has lost."""
        try:
            entry = StreamEntry(**json.loads((folder / CARD).read_bytes()))
            right = self.folder(entry).name == folder.name
        except (ValueError, TypeError, InputError) as error:
            log.error("%s is left alone, as its %s cannot be read: %s", folder, CARD, error)
            return
        if right and entry.name not in (e.name for e in self.catalogue.streams()):
            told = "the stream %s was not in the catalogue, and is again"
            log.warning(told, entry.name, extra={"stream": entry.name})
            self.catalogue.put_stream(entry)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
        self._lock = None


def check_name(name: str) -> str:
    """Return `name`, or raise `InputError` (`invalid_name`); a name is also safe as a file's."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} is not a name for a stream; use up to 64 letters, digits, dots, "
            "dashes and underscores, beginning with a letter or digit",
            code="invalid_name",
            param="stream",
        )
    return name


def _locked(path: Path) -> FileIO:
    """Return the open lock file, or raise `ConfigError`; it is free when this process ends."""
    file = path.open("ab", buffering=0)
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows: whoever starts two servers on one folder is not stopped
        pass
    except BlockingIOError:
        file.close()
        raise ConfigError(
            f"another process keeps its streams in {str(path.parent)!r}; stop it, or choose "
            "another folder with --data"
        ) from None
    return file
