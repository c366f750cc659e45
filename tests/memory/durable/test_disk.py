"""Why a disk refuses."""

from __future__ import annotations

import errno
import sqlite3

import pytest

from longwatch.memory.durable.disk import reason_of


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EROFS, "disk_read_only"),
        (errno.EACCES, "disk_read_only"),
        (errno.EIO, "disk_error"),
    ],
)
def test_the_reason_is_a_code(number: int, reason: str) -> None:
    assert reason_of(OSError(number, "why")) == reason


def test_a_full_database_is_a_full_disk() -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (x)")
    base.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as caught:
        base.execute("INSERT INTO t VALUES (zeroblob(100000))")
    base.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError) as refused:
        base.execute("INSERT INTO t VALUES (1)")
    base.close()
    assert reason_of(caught.value) == "disk_full"
    assert reason_of(refused.value) == "disk_read_only"
    assert reason_of(sqlite3.ProgrammingError("a bug")) is None
    assert reason_of(KeyError("a bug")) is None
