"""Files that must survive a crash."""

from __future__ import annotations

from io import FileIO
from typing import TYPE_CHECKING

from longwatch.memory.durable.files import sync_folder, write_all

if TYPE_CHECKING:
    from pathlib import Path


class Reluctant(FileIO):
    """Takes three bytes at a time, as a system may."""

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        return super().write(data[:3])


def test_all_is_written_even_if_the_system_takes_little_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Reluctant(str(path), "w") as file:
        write_all(file, b"0123456789")
    sync_folder(tmp_path)
    assert path.read_bytes() == b"0123456789"
