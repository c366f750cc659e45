"""What the standard library leaves to do about files that must survive a crash."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path


def write_all(file: FileIO, data: bytes | memoryview) -> None:
    """Write all of `data` to an unbuffered file; the system may take less at a time."""
    rest = memoryview(data)
    while rest.nbytes:
        rest = rest[file.write(rest) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the system can."""
    with suppress(PermissionError):  # Windows does not open folders
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
