"""What a crash leaves at the end of a log, and how it is cut off."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from longwatch.errors import StorageError
from longwatch.memory.durable.files import write_all
from longwatch.memory.durable.record import TITLE, is_later, scan

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


def mend(path: Path, number: int) -> int | None:
    """Cut what comes after the last whole record of a log's newest file; return where it ends.

    Returns None where the file is not to be written to any more: nothing in it can be read, or it
    cannot be cut.

    Raises:
        StorageError: it is in a format of a later version.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if is_later(data):
        raise StorageError(
            f"{path.name} in {path.parent.name!r} was written by a later version of Longwatch; "
            "use that version, or another folder"
        )
    end = max((record.end for record in scan(data, number, len(TITLE))), default=len(TITLE))
    if end == len(TITLE) < len(data) and not data.startswith(TITLE):
        return None
    try:
        with path.open("r+b", buffering=0) as file:
            if len(data) < len(TITLE):
                write_all(file, TITLE)
            file.truncate(end)
    except OSError as error:
        log.error("the torn end of %s cannot be cut off: %s", path, error)
        return None
    if end < len(data):
        log.warning("cut %d bytes of an unfinished record off %s", len(data) - end, path)
    return end
