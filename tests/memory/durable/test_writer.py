"""Writing beside the model's thread, on a disk that refuses now and then."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import ConfigError
from longwatch.memory.durable import files
from longwatch.memory.durable.log import Log
from longwatch.memory.durable.writer import OVERHEAD, Writer, WriterSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 60.0
QUICK = WriterSettings(queue_bytes=3 * (OVERHEAD + 10), retry_seconds=0.001)


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer(QUICK)
    made.start()
    yield made
    made.close()


class Disk:
    """Refuses with an error for as long as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tried = threading.Semaphore(0)
        self.open = threading.Event()
        self.written: list[str] = []
        self.syncs = 0

    def job(self, what: str) -> Callable[[], None]:
        def run() -> None:
            self.tried.release()
            if self.errors and not self.open.is_set():
                raise self.errors[0]
            self.written.append(what)

        return run

    def sync(self) -> None:
        self.syncs += 1


def no_space() -> OSError:
    return OSError(errno.ENOSPC, "no space left")


def tries(disk: Disk, count: int) -> None:
    for _ in range(count):
        assert disk.tried.acquire(timeout=PATIENCE)


def test_jobs_run_in_their_order(writer: Writer) -> None:
    disk, count = Disk(), 500
    for i in range(count):
        while not writer.offer(disk.job(str(i)), 10, disk):
            writer.flush(PATIENCE)
    assert writer.flush(PATIENCE)
    assert disk.written == [str(i) for i in range(count)]
    assert writer.stats() == (None, False, 0, 0, 0)


def test_a_full_disk_is_said_once_and_tried_until_it_has_room(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(no_space())
    assert writer.offer(disk.job("a"), 10, disk)
    tries(disk, 5)
    stats = writer.stats()
    assert (stats.state, stats.reason) == ("degraded", "disk_full")
    disk.open.set()
    assert writer.flush(PATIENCE)
    assert disk.written == ["a"]
    assert writer.stats().state == "ok"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "disk_full" in said[0]


def test_what_has_no_room_stays_with_its_owner(writer: Writer) -> None:
    disk = Disk(no_space())
    assert [writer.offer(disk.job(str(i)), 10, disk) for i in range(4)] == [True] * 3 + [False]
    assert writer.stats().full
    disk.open.set()
    assert writer.flush(PATIENCE)
    assert writer.offer(disk.job("3"), 10, disk)
    assert not writer.stats().full
    assert writer.flush(PATIENCE)
    assert disk.written == ["0", "1", "2", "3"]


def test_who_was_refused_learns_when_there_may_be_room(writer: Writer) -> None:
    disk, room = Disk(no_space()), threading.Event()
    while writer.offer(disk.job("a"), 10, disk):
        pass
    writer.when_room(room.set)
    tries(disk, 2)
    assert not room.is_set()
    disk.open.set()
    assert room.wait(PATIENCE)
    assert writer.flush(PATIENCE)
    room.clear()
    writer.when_room(room.set)
    assert room.is_set()


def test_a_job_larger_than_all_room_is_taken_alone(writer: Writer) -> None:
    disk = Disk()
    assert writer.offer(disk.job("huge"), 1 << 30)
    assert writer.flush(PATIENCE)
    assert disk.written == ["huge"]


def test_a_job_with_a_fault_of_its_own_does_not_hold_up_the_others(writer: Writer) -> None:
    disk = Disk()
    writer.offer(lambda: int("nothing"), 10)
    writer.offer(disk.job("next"), 10)
    assert writer.flush(PATIENCE)
    assert disk.written == ["next"]
    assert writer.stats().lost == 1
    assert writer.stats().state == "ok"


def test_targets_are_synced_once_for_many_jobs() -> None:
    writer, disk = Writer(WriterSettings(sync_seconds=1e6)), Disk()
    for i in range(5):
        writer.offer(disk.job(str(i)), 0, disk)
    writer.start()
    assert writer.flush(PATIENCE)
    assert disk.syncs == 1
    writer.close()
    assert disk.syncs == 1


def test_a_sync_that_fails_is_tried_again(writer: Writer) -> None:
    class Slow(Disk):
        def sync(self) -> None:
            super().sync()
            if self.syncs < 4:
                raise OSError(errno.EIO, "bad sector")

    disk = Slow()
    writer.offer(disk.job("a"), 0, disk)
    assert writer.flush(PATIENCE)
    assert disk.syncs == 4
    assert writer.stats().state == "ok"


def test_closing_writes_what_waits() -> None:
    writer, disk = Writer(), Disk()
    for i in range(50):
        assert writer.offer(disk.job(str(i)), 10, disk)
    writer.start()
    writer.close()
    writer.close()
    assert len(disk.written) == 50
    assert disk.syncs >= 1
    assert not writer.offer(disk.job("late"))


def test_closing_does_not_wait_for_a_disk_that_refuses(caplog: pytest.LogCaptureFixture) -> None:
    writer, disk = Writer(QUICK), Disk(no_space())
    writer.start()
    writer.offer(disk.job("a"))
    tries(disk, 2)
    writer.close()
    assert disk.written == []
    assert "never reached the disk" in caplog.text


def test_a_log_goes_on_where_a_full_disk_stopped_it(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full, tried = files.write_all, threading.Event(), threading.Semaphore(0)

    def write(file: object, data: bytes | memoryview) -> None:
        if full.is_set():
            tried.release()
            real(file, memoryview(data)[: len(data) // 2])  # type: ignore[arg-type]
            raise no_space()
        real(file, data)  # type: ignore[arg-type]

    monkeypatch.setattr("longwatch.memory.durable.log.write_all", write)
    log = Log(tmp_path)
    writer.offer(lambda: log.append(0, 0, [b"before"]), 6, log)
    assert writer.flush(PATIENCE)
    full.set()
    writer.offer(lambda: log.append(0, 1, [b"after"]), 5, log)
    for _ in range(3):
        assert tried.acquire(timeout=PATIENCE)
    full.clear()
    assert writer.flush(PATIENCE)
    log.close()
    again = Log(tmp_path)
    assert [bytes(record.body) for record in again.records()] == [b"before", b"after"]
    assert again.damaged == again.cut == 0


@pytest.mark.parametrize("wrong", [{"queue_bytes": 0}, {"sync_seconds": -1}, {"retry_seconds": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        WriterSettings(**wrong)
