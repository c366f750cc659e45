"""What a log on disk gives back, whatever happened to its files."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import longwatch.memory
from longwatch.errors import StorageError
from longwatch.memory.durable.log import Log
from longwatch.memory.durable.record import HEAD, TITLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longwatch.memory.durable.record import Place

Written = tuple[int, int, bytes]
bodies = st.lists(st.binary(max_size=90), min_size=1, max_size=12)


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Wait for no disk: a process that is killed loses nothing by it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


def fill(log: Log, written: Sequence[bytes], first: int = 0) -> list[Place]:
    return [log.append(i % 3, i, [body]) for i, body in enumerate(written, first)]


def held(folder: Path) -> list[Written]:
    return [(r.kind, r.id, bytes(r.body)) for r in Log(folder).records()]


def expected(written: Sequence[bytes]) -> list[Written]:
    return [(i % 3, i, body) for i, body in enumerate(written)]


def newest(folder: Path) -> Path:
    return max(folder.glob("*.log"))


@settings(deadline=None)
@given(bodies, st.integers(60, 600))
def test_what_was_appended_comes_back_in_order(written: list[bytes], size: int) -> None:
    with TemporaryDirectory() as name:
        log = Log(Path(name) / "new", file_bytes=size)
        places = fill(log, written)
        assert [bytes(log.read(place)) for place in places] == written
        log.close()
        assert held(log.folder) == expected(written)
        assert log.nbytes == sum(p.stat().st_size for p in log.folder.iterdir())


def test_a_body_is_any_buffers_one_after_the_other(tmp_path: Path) -> None:
    log = Log(tmp_path)
    place = log.append(1, -5, [b"ab", memoryview(b"").cast("B"), bytearray(b"cd")])
    assert bytes(log.read(place)) == b"abcd"
    log.close()
    assert held(tmp_path) == [(1, -5, b"abcd")]


def test_a_cut_at_any_byte_costs_only_the_records_it_hits(tmp_path: Path) -> None:
    """And the log goes on from there."""
    written = [bytes([i]) * (7 * i) for i in range(6)]
    log = Log(tmp_path / "whole")
    ends = [place.offset + HEAD.size + place.length for place in fill(log, written)]
    log.close()
    whole = newest(log.folder).read_bytes()
    for cut in range(len(whole)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "00000001.log").write_bytes(whole[:cut])
        count = sum(end <= cut for end in ends)
        torn = Log(folder)
        assert len(list(torn.records())) == count
        assert torn.damaged == 0
        assert torn.cut == cut - max([len(TITLE) if cut >= len(TITLE) else cut, *ends[:count]])
        fill(torn, [b"after"], first=count)
        torn.close()
        assert held(folder) == expected([*written[:count], b"after"])


@settings(max_examples=150, deadline=None)
@given(bodies, st.integers(60, 600), st.data())
def test_damage_anywhere_never_gives_a_wrong_record(
    written: list[bytes], size: int, data: st.DataObject
) -> None:
    """Bytes are overwritten in any file; every record that they miss is still there."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        log = Log(folder, file_bytes=size)
        places = fill(log, written)
        log.close()
        victim = data.draw(st.sampled_from(sorted(folder.iterdir())))
        image = bytearray(victim.read_bytes())
        at = data.draw(st.integers(0, len(image) - 1))
        new = data.draw(st.binary(min_size=1, max_size=40))[: len(image) - at]
        image[at : at + len(new)] = new
        victim.write_bytes(image)
        try:
            found = held(folder)
        except StorageError:  # the file's title happened to become that of a later version
            assert image.startswith(b"LONGWATCH LOG ")
            return
        assert set(found) <= set(expected(written))
        missed = [
            record
            for record, place in zip(expected(written), places, strict=True)
            if place.file != int(victim.stem)
            or place.offset + HEAD.size + place.length <= at
            or place.offset >= at + len(new)
        ]
        assert [record for record in found if record in missed] == missed


def test_a_record_inside_a_body_is_not_taken_for_one(tmp_path: Path) -> None:
    inner = Log(tmp_path / "inner")
    fill(inner, [b"forged"])
    inner.close()
    log = Log(tmp_path / "outer")
    place = log.append(0, 0, [newest(inner.folder).read_bytes()])
    log.append(0, 1, [b"after"])
    log.close()
    image = bytearray(newest(log.folder).read_bytes())
    image[place.offset] ^= 1
    newest(log.folder).write_bytes(image)
    assert held(log.folder) == [(0, 1, b"after")]


def test_a_file_goes_with_its_last_live_record(tmp_path: Path) -> None:
    log = Log(tmp_path, file_bytes=len(TITLE) + 2 * (HEAD.size + 8))
    places = fill(log, [bytes(8)] * 6)
    assert [place.file for place in places] == [1, 1, 2, 2, 3, 3]
    log.release(places[0])
    log.release(places[3])
    assert len(list(tmp_path.iterdir())) == 3
    log.release(places[1])
    assert len(list(tmp_path.iterdir())) == 3
    log.tidy()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000002.log", "00000003.log"]
    log.release(places[4])
    log.release(places[5])
    log.tidy()  # the newest is still written to
    assert newest(tmp_path).name == "00000003.log"
    fill(log, [bytes(8)] * 1)
    log.tidy()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000002.log", "00000004.log"]
    with pytest.raises(StorageError, match=r"00000001\.log"):
        log.read(places[0])
    log.close()


def test_records_released_while_a_log_is_read_let_their_files_go(tmp_path: Path) -> None:
    log = Log(tmp_path, file_bytes=1)
    fill(log, [b"a", b"b", b"c"])
    log.close()
    again = Log(tmp_path, file_bytes=1)
    for record in again.records():
        if record.id < 2:
            again.release(record.place)
    again.tidy()
    assert [p.name for p in tmp_path.iterdir()] == ["00000003.log"]


@pytest.mark.parametrize("size", [1, 150, 1 << 20])
@pytest.mark.parametrize("kept", range(6))
def test_a_log_goes_on_where_it_was_rewound_to(tmp_path: Path, size: int, kept: int) -> None:
    log = Log(tmp_path, file_bytes=size)
    written = [bytes([i]) * 20 for i in range(5)]
    places = fill(log, written)
    log.close()
    again = Log(tmp_path, file_bytes=size)
    for record in again.records():
        if record.id >= kept:
            again.release(record.place)
    again.rewind(places[kept - 1] if kept else None)
    assert held(tmp_path) == expected(written[:kept])
    fill(again, [b"after"], first=kept)
    again.close()
    assert held(tmp_path) == expected([*written[:kept], b"after"])
    assert again.nbytes == sum(p.stat().st_size for p in tmp_path.iterdir())


def test_a_later_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    image = b"LONGWATCH LOG 2\nwhatever"
    (tmp_path / "00000001.log").write_bytes(image)
    with pytest.raises(StorageError, match="later version"):
        Log(tmp_path)
    assert newest(tmp_path).read_bytes() == image


def test_a_file_without_anything_readable_is_kept(tmp_path: Path) -> None:
    (tmp_path / "00000001.log").write_bytes(b"x" * 100)
    log = Log(tmp_path)
    assert list(log.records()) == []
    assert log.damaged == 1
    fill(log, [b"new"])
    log.close()
    log.tidy()
    assert (tmp_path / "00000001.log.damaged").read_bytes() == b"x" * 100
    assert held(tmp_path) == expected([b"new"])


@pytest.mark.parametrize("truncates", [True, False])
def test_an_append_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truncates: bool
) -> None:
    log = Log(tmp_path)
    fill(log, [b"first"])
    full = OSError(errno.ENOSPC, "no space")

    def some(file: object, data: memoryview) -> None:
        file.write(data[:20])  # type: ignore[attr-defined]
        raise full

    class Stuck:
        def __init__(self, file: object) -> None:
            self._file = file

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

        def truncate(self, size: int) -> None:
            raise full

    with monkeypatch.context() as broken:
        broken.setattr("longwatch.memory.durable.log.write_all", some)
        if not truncates:
            log._handle = Stuck(log._handle)  # type: ignore[assignment]
        with pytest.raises(OSError, match="no space"):
            fill(log, [b"lost" * 9], first=1)
        with pytest.raises(OSError, match="no space"):
            fill(log, [b"lost" * 9], first=1)
    fill(log, [b"second"], first=1)
    log.close()
    assert held(tmp_path) == expected([b"first", b"second"])


# The package is put there by hand, because importing it would load torch for seconds.
CHILD = """
import sys
from pathlib import Path
from types import ModuleType
package = sys.modules["longwatch.memory"] = ModuleType("longwatch.memory")
package.__path__ = [sys.argv[2]]
from longwatch.memory.durable.log import Log
log = Log(Path(sys.argv[1]), file_bytes=5000)
known = max((r.id for r in log.records()), default=-1)
for i in range(known + 1, 1 << 30):
    log.append(i % 3, i, [str(i).encode() * (i % 200)])
    print(i, flush=True)
"""


def test_a_writer_that_is_killed_has_lost_nothing_that_was_appended(tmp_path: Path) -> None:
    said = -1
    for lines in (1, 40, 7, 150):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), longwatch.memory.__path__[0]],
            stdout=subprocess.PIPE,
            text=True,
        )
        if child.stdout is None:
            raise RuntimeError("there is a pipe")
        for _ in range(lines):
            said = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        said = int(rest[-1]) if rest else said
        log = Log(tmp_path)
        found = [(r.kind, r.id, bytes(r.body)) for r in log.records()]
        assert len(found) > said
        assert found == [(i % 3, i, str(i).encode() * (i % 200)) for i in range(len(found))]
        assert log.damaged == 0
