"""The file of sources."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from longwatch.serve.publishing.sources import SourceFile
from longwatch.stream.pull.address import parse_address

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ADDRESS = parse_address("rtsp://user:hunter2@cam/a", transport="udp")


def test_sources_are_back_with_their_credentials_and_nobody_else_can_read_them(
    tmp_path: Path,
) -> None:
    book = SourceFile(tmp_path)
    book.put("cam", ADDRESS, 2.0)
    book.put("door", parse_address("rtmp://door/x"), None)
    again = SourceFile(tmp_path).all()
    assert again == book.all()
    assert (again["cam"].address.password, again["cam"].fps) == ("hunter2", 2.0)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    book.remove("cam")
    book.remove("cam")
    assert list(SourceFile(tmp_path).all()) == ["door"]
    assert "hunter2" not in file.read_text()


def test_without_a_folder_nothing_is_kept() -> None:
    book = SourceFile(None)
    book.put("cam", ADDRESS, None)
    assert list(book.all()) == ["cam"]


def test_a_damaged_file_keeps_the_service_from_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ('{"cam": {"url": "rtsp://u:hunter2@h/"', '["hunter2"]', '{"cam": {"hunter2": 1}}'):
        (tmp_path / "sources.json").write_text(text)
        assert SourceFile(tmp_path).all() == {}
    assert "cannot be read" in caplog.text
    assert "hunter2" not in caplog.text
