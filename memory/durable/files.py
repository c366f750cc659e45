"""What the standard library leaves to do about files that must survive a crash."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

NUMBERED = re.compile(r"(\d{8})\.log")


def numbered_path(folder: Path, number: int) -> Path:
    """Return the file of `folder` with this number."""
    return folder / f"{number:08}.log"


def numbered_sizes(folder: Path) -> dict[int, int]:
    """Return the bytes of each numbered file; none where there is no folder."""
    if not folder.is_dir():
        return {}
    found = ((NUMBERED.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path.stat().st_size for match, path in found if match}


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
