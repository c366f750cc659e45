"""What the catalogue keeps, and what is left of it after damage."""

from __future__ import annotations

import io
import logging
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from longwatch.errors import ConfigError, StorageError
from longwatch.memory.durable.catalogue import Alert, Catalogue, Exchange, StreamEntry
from longwatch.memory.durable.thumbnail import make_thumbnail
from longwatch.memory.durable.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = StreamEntry("door", {"fps": 2.0, "persist": True}, "bundled:1f", 100.0)
YARD = StreamEntry("yard", {}, "bundled:1f", 50.0, 9.5, 20, 400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalogue.sqlite"


@pytest.fixture
def catalogue(path: Path) -> Iterator[Catalogue]:
    made = Catalogue(path)
    yield made
    made.close()


def fill(catalogue: Catalogue, streams: int = 40) -> None:
    for i in range(streams):
        catalogue.put_stream(StreamEntry(f"s{i:03}", {"note": "x" * 300}, "m", float(i)))
        catalogue.add_exchange(f"s{i:03}", Exchange(1.0, 2.0, "what? " * 40, "that. " * 40))
    catalogue.sync()
    catalogue.close()


def test_streams_come_back_oldest_first(catalogue: Catalogue, path: Path) -> None:
    catalogue.put_stream(DOOR)
    catalogue.put_stream(YARD)
    catalogue.note_progress("door", 7.5, 15, 300)
    catalogue.note_progress("unknown", 7.5, 15, 300)
    catalogue.close()
    again = Catalogue(path)
    assert again.streams() == [YARD, DOOR._replace(last_time=7.5, frames=15, tokens=300)]
    assert not again.repaired
    again.close()


def test_a_dialogue_is_kept_in_its_order_and_bounded(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longwatch.memory.durable.catalogue.DIALOGUE", 3)
    told = [Exchange(float(i), i / 2, f"q{i}", f"a{i}") for i in range(5)]
    for exchange in told:
        catalogue.add_exchange("door", exchange)
        catalogue.add_exchange("yard", exchange._replace(answer="other"))
    assert catalogue.dialogue("door") == told[2:]
    assert catalogue.dialogue("door", last=2) == told[3:]
    assert catalogue.dialogue("nowhere") == []


def test_the_newest_alerts_are_kept_in_their_order(
    catalogue: Catalogue, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longwatch.memory.durable.catalogue.ALERTS", 3)
    spoke = [Alert(float(5 - i), f"watch_{i}", "a dog") for i in range(5)]
    for alert in spoke:
        catalogue.add_alert("door", alert)
        catalogue.add_alert("yard", alert._replace(text="a cat"))
    catalogue.close()
    again = Catalogue(path)
    assert again.alerts("door") == spoke[2:]
    assert {alert.text for alert in again.alerts("yard")} == {"a cat"}
    assert again.alerts("nowhere") == []
    again.close()


def test_a_catalogue_that_knew_no_alerts_learns_of_them(catalogue: Catalogue, path: Path) -> None:
    catalogue.put_stream(DOOR)
    catalogue.add_exchange("door", Exchange(1.0, 2.0, "q", "a"))
    catalogue.close()
    with closing(sqlite3.connect(path)) as base:
        base.executescript("DROP TABLE alerts; PRAGMA user_version = 1;")
    again = Catalogue(path)
    assert not again.repaired
    assert (again.streams(), again.alerts("door")) == ([DOOR], [])
    assert again.dialogue("door") == [Exchange(1.0, 2.0, "q", "a")]
    again.add_alert("door", Alert(3.0, "watch_1", "a dog"))
    assert len(again.alerts("door")) == 1
    again.close()


def test_forgetting_a_stream_leaves_the_others(catalogue: Catalogue) -> None:
    for entry in (DOOR, YARD):
        catalogue.put_stream(entry)
        catalogue.add_exchange(entry.name, Exchange(1.0, 2.0, "q", "a"))
        catalogue.add_thumbnail(entry.name, 1.0, b"jpeg")
        catalogue.add_alert(entry.name, Alert(1.0, "watch", "a dog"))
    catalogue.forget("door")
    assert catalogue.streams() == [YARD]
    assert (len(catalogue.alerts("door")), len(catalogue.alerts("yard"))) == (0, 1)
    assert (catalogue.dialogue("door"), catalogue.thumbnail_times("door")) == ([], [])
    assert (len(catalogue.dialogue("yard")), catalogue.thumbnail_times("yard")) == (1, [1.0])


def test_the_nearest_thumbnail_is_shown(catalogue: Catalogue) -> None:
    assert catalogue.thumbnail("door", 1.0) is None
    for time in (1.0, 2.0, 5.0):
        catalogue.add_thumbnail("door", time, str(time).encode())
    catalogue.add_thumbnail("door", 2.0, b"anew")
    asked = {0.0: 1.0, 1.4: 1.0, 2.0: 2.0, 3.4: 2.0, 3.6: 5.0, 99.0: 5.0}
    for time, expected in asked.items():
        found = catalogue.thumbnail("door", time)
        assert found is not None
        assert found[0] == expected
    assert catalogue.thumbnail("door", 2.1) == (2.0, b"anew")


def test_too_many_thumbnails_get_sparser_towards_the_past(path: Path) -> None:
    catalogue = Catalogue(path, thumbnail_bytes=1000)
    for time in range(300):
        catalogue.add_thumbnail("door", float(time), bytes(50))
        catalogue.add_thumbnail("yard", float(time), b"")
    times = catalogue.thumbnail_times("door")
    assert len(times) <= 20
    assert times[0] == 0.0
    assert times[-1] == 299.0
    gaps = np.diff(times)
    assert gaps[:3].mean() > 8 * gaps[-3:].mean()
    assert len(catalogue.thumbnail_times("yard")) == 300
    catalogue.add_thumbnail("door", 300.0, bytes(5000))
    assert catalogue.thumbnail_times("door") == [300.0]
    catalogue.close()


def test_threads_have_connections_of_their_own(catalogue: Catalogue) -> None:
    def fill(name: str) -> None:
        for i in range(50):
            catalogue.add_exchange(name, Exchange(float(i), 0.0, "q", "a"))
            catalogue.dialogue(name, 1)

    threads = [threading.Thread(target=fill, args=(f"s{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(catalogue.dialogue(f"s{i}")) for i in range(4)] == [50] * 4


def test_a_later_format_is_refused_and_left_alone(catalogue: Catalogue, path: Path) -> None:
    catalogue.put_stream(DOOR)
    catalogue.close()
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 3")
    base.close()
    with pytest.raises(StorageError, match="format 3"):
        Catalogue(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database " * 500)
    catalogue = Catalogue(path)
    assert catalogue.repaired
    catalogue.put_stream(DOOR)
    assert catalogue.streams() == [DOOR]
    catalogue.close()
    aside = path.with_name("catalogue.damaged-1.sqlite")
    assert aside.read_bytes() == b"not a database " * 500


@pytest.mark.parametrize("page", range(1, 16, 2))
def test_what_a_damaged_page_spares_is_saved(
    catalogue: Catalogue, path: Path, page: int, caplog: pytest.LogCaptureFixture
) -> None:
    fill(catalogue)
    image = bytearray(path.read_bytes())
    pages = len(image) // 4096
    assert pages > 16
    image[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    path.write_bytes(image)
    with caplog.at_level(logging.ERROR):
        again = Catalogue(path)
    assert again.repaired
    assert "set aside" in caplog.text
    found = again.streams()
    assert {entry.name for entry in found} <= {f"s{i:03}" for i in range(40)}
    assert all(entry.settings == {"note": "x" * 300} for entry in found)
    assert len(found) + sum(len(again.dialogue(f"s{i:03}")) for i in range(40)) >= 40
    again.put_stream(DOOR)
    again.close()
    assert path.with_name("catalogue.damaged-1.sqlite").read_bytes() == image


def test_damage_while_running_is_repaired_and_the_write_is_done(
    catalogue: Catalogue, path: Path
) -> None:
    for i in range(40):
        catalogue.put_stream(StreamEntry(f"s{i:03}", {"note": "x" * 3000}, "m", float(i)))
    catalogue.close()
    opened = Catalogue(path)
    opened.close()  # so that nothing of it is cached
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (path.stat().st_size - 8192))
    writer = Writer()
    writer.start()
    writer.offer(lambda: opened.put_stream(DOOR), target=opened)
    assert writer.flush(60)
    assert writer.stats() == (None, False, 0, 0, 0)
    writer.close()
    assert opened.repaired
    assert DOOR in opened.streams()
    opened.close()


def test_a_quota_is_a_size(path: Path) -> None:
    with pytest.raises(ConfigError):
        Catalogue(path, thumbnail_bytes=0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((480, 640), (160, 120)), ((90, 120), (120, 90)), ((1, 4000), (160, 1))],
)
def test_a_thumbnail_is_a_small_jpeg(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    image = np.full((*shape, 3), (200, 30, 40), np.uint8)
    picture = Image.open(io.BytesIO(make_thumbnail(image)))
    assert picture.format == "JPEG"
    assert picture.size == expected
    assert np.abs(np.asarray(picture).mean((0, 1)) - (200, 30, 40)).max() < 6
