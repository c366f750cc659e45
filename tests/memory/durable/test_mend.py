"""What a crash leaves at the end of a log."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from longwatch.errors import StorageError
from longwatch.memory.durable.log import Log
from longwatch.memory.durable.mend import mend
from longwatch.memory.durable.record import TITLE


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """Return a log's file with one whole record and a half of one."""
    log = Log(tmp_path)
    for i in range(2):
        log.append(1, i, [b"0123456789"])
    log.close()
    path = tmp_path / "00000001.log"
    path.write_bytes(path.read_bytes()[:-5])
    return path


def test_half_a_record_is_cut_off(torn: Path) -> None:
    whole = mend(torn, 1)
    assert whole == torn.stat().st_size
    assert mend(torn, 1) == whole
    assert [record.id for record in Log(torn.parent).records()] == [0]


@pytest.mark.parametrize("length", range(len(TITLE)))
def test_half_a_title_is_made_whole(tmp_path: Path, length: int) -> None:
    path = tmp_path / "00000001.log"
    path.write_bytes(TITLE[:length])
    assert mend(path, 1) == len(TITLE)
    assert path.read_bytes() == TITLE


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "00000001.log"
    path.write_bytes(b"a letter to somebody")
    assert mend(path, 1) is None
    assert path.read_bytes() == b"a letter to somebody"
    path.write_bytes(b"LONGWATCH LOG 9\n and more")
    with pytest.raises(StorageError, match="later version"):
        mend(path, 1)


def test_where_nothing_can_be_cut_a_new_file_is_begun(
    torn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def open_file(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode == "r+b":
            raise OSError(errno.EROFS, "read-only")
        return real(path, mode, *rest, **more)

    image = torn.read_bytes()
    with monkeypatch.context() as stuck:
        stuck.setattr(Path, "open", open_file)
        assert mend(torn, 1) is None
        log = Log(torn.parent)
        assert [record.id for record in log.records()] == [0]
    assert log.append(1, 1, [b"after"]).file == 2
    log.close()
    assert torn.read_bytes() == image
    again = Log(torn.parent)
    assert [record.id for record in again.records()] == [0, 1]
    assert again.damaged == 1
