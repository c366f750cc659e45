"""What is pulled into streams that outlive the process: a file that nobody else may read.

Passwords of cameras have to be kept to connect again after a restart. They lie in this file alone,
not in the catalogue and not in a stream's folder, which people copy.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import InputError
from longwatch.stream.pull.address import Address

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)
NAME = "sources.json"
MODE = 0o600


class Kept(NamedTuple):
    """One source."""

    address: Address
    fps: float | None


class SourceBook:
    """Sources by the name of their stream; without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / NAME
        self._known: dict[str, Kept] = {}
        if self._path is not None:
            self._known = _load(self._path)

    def all(self) -> dict[str, Kept]:
        """Return what is kept."""
        return dict(self._known)

    def put(self, stream: str, address: Address, fps: float | None) -> None:
        """Keep the source of a stream."""
        self._save({**self._known, stream: Kept(address, fps)})

    def remove(self, stream: str) -> None:
        """Keep the source of a stream no more."""
        if stream in self._known:
            self._save({name: kept for name, kept in self._known.items() if name != stream})

    def _save(self, known: dict[str, Kept]) -> None:
        self._known = known
        if self._path is None:
            return
        told = {name: {**asdict(at), "fps": fps} for name, (at, fps) in known.items()}
        draft = self._path.with_name(f".{NAME}")
        try:
            draft.unlink(missing_ok=True)
            # Made with its mode, so that there is no moment at which others can open it.
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
            with os.fdopen(file, "w") as out:
                json.dump(told, out)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self._path)
        except OSError as error:
            log.error("sources cannot be kept in %s: %s", self._path, error.strerror)


def _load(path: Path) -> dict[str, Kept]:
    try:
        told = json.loads(path.read_bytes())
        return {
            name: Kept(Address(**{key: value for key, value in each.items() if key != "fps"}), fps)
            for name, each in told.items()
            for fps in [each["fps"]]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        # Not its text: that could be a piece of the file.
        log.error("%s cannot be read (%s); its sources stay offline", path, type(error).__name__)
        return {}
