"""A stream that was exported comes back whole, or not at all."""

from __future__ import annotations

import random
import tarfile
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import InputError, LongwatchError, NotFoundError, StorageError
from longwatch.memory.durable.bundle import export_stream, import_stream
from longwatch.memory.durable.catalogue import Alert, Exchange, StreamEntry
from longwatch.memory.durable.log import Log
from longwatch.memory.durable.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = StreamEntry("door", {"fps": 2.0}, "bundled", 100.25, 4.0, 9, 90)
TOLD = [Exchange(1.0, 2.0, "what?", "that"), Exchange(3.0, 4.0, "ünd?", "no")]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path / "data")
    made.enter(DOOR)
    for part in ("window", "rung-0"):
        log = Log(made.folder(DOOR) / part, file_bytes=300)
        for i in range(5):
            log.append(1, i, [part.encode() * 9])
        log.close()
    for told in TOLD:
        made.catalogue.add_exchange("door", told)
    for time in (1.0, 2.0):
        made.catalogue.add_alert("door", Alert(time, "watch_1", "a dog"))
    for time in (0.5, 2.0):
        made.catalogue.add_thumbnail("door", time, f"jpeg {time}".encode())
    yield made
    made.close()


def content(vault: Vault, name: str) -> object:
    catalogue, folder = vault.catalogue, vault.folder(vault.entry(name))
    logs = {
        part: [bytes(record.body) for record in Log(folder / part).records()]
        for part in ("window", "rung-0")
    }
    pictures = [catalogue.thumbnail(name, time) for time in catalogue.thumbnail_times(name)]
    told = catalogue.dialogue(name), catalogue.alerts(name)
    return vault.entry(name)._replace(name="", created=0), logs, pictures, told


def test_what_is_exported_can_be_imported(vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "door.tar"
    assert export_stream(vault, "door", file) == DOOR
    assert import_stream(vault, file, "other").name == "other"
    other = Vault(tmp_path / "elsewhere")
    import_stream(other, file)
    assert content(vault, "door") == content(vault, "other") == content(other, "door")
    other.close()
    again = Vault(tmp_path / "elsewhere")
    assert content(again, "door") == content(vault, "door")
    again.close()


def test_nothing_is_overwritten(vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "door.tar"
    export_stream(vault, "door", file)
    with pytest.raises(InputError, match="exists"):
        export_stream(vault, "door", file)
    with pytest.raises(InputError, match="already"):
        import_stream(vault, file)
    with pytest.raises(InputError, match="not a name"):
        import_stream(vault, file, "../up")
    with pytest.raises(NotFoundError):
        export_stream(vault, "roof", tmp_path / "roof.tar")
    assert not (tmp_path / "roof.tar").exists()
    assert [entry.name for entry in vault.catalogue.streams()] == ["door"]


def test_a_damaged_file_is_refused_whole(vault: Vault, tmp_path: Path) -> None:
    """Whatever byte is wrong: what is taken in is what was exported, or nothing."""
    file, hurt = tmp_path / "door.tar", tmp_path / "hurt.tar"
    export_stream(vault, "door", file)
    image, chance, refused = file.read_bytes(), random.Random(3), 0
    used = image.rstrip(b"\0")
    for _ in range(120):
        other = bytearray(image)
        other[chance.randrange(len(used))] ^= 1 << chance.randrange(8)
        hurt.write_bytes(other)
        try:
            import_stream(vault, hurt, "hurt")
        except LongwatchError:
            refused += 1
            assert [entry.name for entry in vault.catalogue.streams()] == ["door"]
            assert len(list((tmp_path / "data" / "streams").iterdir())) == 1
        else:
            assert content(vault, "hurt") == content(vault, "door")
            vault.forget(vault.entry("hurt"))
    assert refused > 40  # the rest hit what only fills up blocks
    for cut in range(0, len(used), 331):
        hurt.write_bytes(image[:cut])
        with pytest.raises(StorageError):
            import_stream(vault, hurt, "hurt")
    assert [entry.name for entry in vault.catalogue.streams()] == ["door"]


@pytest.mark.parametrize("member", ["../../evil", "/evil", "memory/../../evil", "memory/window/x"])
def test_a_file_writes_nowhere_else(vault: Vault, tmp_path: Path, member: str) -> None:
    good, evil = tmp_path / "door.tar", tmp_path / "evil.tar"
    export_stream(vault, "door", good)
    with tarfile.open(good) as source, tarfile.open(evil, "w") as target:
        for info in source.getmembers():
            data = source.extractfile(info)
            if info.name.endswith("1.log"):
                info.name = member
            target.addfile(info, data)
    with pytest.raises(StorageError, match="does not belong"):
        import_stream(vault, evil, "evil")
    assert not list(tmp_path.rglob("evil"))
