"""One persistent stream as one file, with checksums: to move it, or to keep a copy."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import time
from typing import IO, TYPE_CHECKING, Any

from longwatch.errors import InputError, StorageError
from longwatch.memory.durable.catalogue import Alert, Exchange, StreamEntry
from longwatch.memory.durable.vault import check_name

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.memory.durable.vault import Vault

FORMAT = 2  # 1 had no alerts
MANIFEST = "manifest-{}.json"  # the first member, with its sum: what the others must be
DIALOGUE, ALERTS = "dialogue.json", "alerts.json"
LOG = re.compile(r"memory/(window|rung-\d{1,2})/\d{8}\.log")
PICTURE = re.compile(r"thumbnails/(\d{1,8})\.jpg")
PIECE = 1 << 20


def export_stream(vault: Vault, name: str, path: Path) -> StreamEntry:
    """Write a stream to a tar file at `path`, which must not exist yet.

    Raises:
        NotFoundError: there is no such stream.
        InputError: the file exists.
        OSError: it cannot be written; nothing is left of it.
    """
    entry, catalogue = vault.entry(name), vault.catalogue
    folder = vault.folder(entry)
    logs = {f"memory/{f.relative_to(folder).as_posix()}": f for f in folder.rglob("*.log")}
    times = catalogue.thumbnail_times(name)
    pictures = {f"thumbnails/{i}.jpg": time for i, time in enumerate(times)}
    told = [exchange._asdict() for exchange in catalogue.dialogue(name)]
    alerts = [alert._asdict() for alert in catalogue.alerts(name)]
    small = {DIALOGUE: json.dumps(told).encode(), ALERTS: json.dumps(alerts).encode()}
    for member, at in pictures.items():
        found = catalogue.thumbnail(name, at)
        small[member] = b"" if found is None else found[1]
    sums = {member: _file_sum(file) for member, file in sorted(logs.items())}
    sums |= {member: hashlib.sha256(data).hexdigest() for member, data in small.items()}
    manifest = {"format": FORMAT, "stream": entry._asdict(), "times": times, "sha256": sums}
    try:
        with path.open("xb") as out, tarfile.open(fileobj=out, mode="w") as tar:
            text = json.dumps(manifest, indent=1).encode()
            _add(tar, MANIFEST.format(hashlib.sha256(text).hexdigest()), text)
            for member in sums:
                if member in logs:
                    tar.add(logs[member], member, recursive=False)
                else:
                    _add(tar, member, small[member])
    except FileExistsError:
        raise InputError(f"the file {path.name!r} exists; choose another name") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return entry


def import_stream(vault: Vault, path: Path, name: str | None = None) -> StreamEntry:
    """Take in what `export_stream` wrote, under another `name` if one is given.

    Raises:
        InputError: there is a stream of this name (`stream_exists`), or it is not a name.
        StorageError: the file is damaged, or not one of ours; nothing is taken in.
        OSError: it cannot be read, or there is no room for it.
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|") as tar:
            return _take_in(vault, tar, path, name)
    except (tarfile.TarError, EOFError, ValueError, LookupError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(path, str(error)) from error


def _take_in(vault: Vault, tar: tarfile.TarFile, path: Path, name: str | None) -> StreamEntry:
    first = tar.next()
    text = b"" if first is None else _content(tar, first).read()
    if first is None or first.name != MANIFEST.format(hashlib.sha256(text).hexdigest()):
        raise _damaged(path, "it does not begin with its manifest")
    manifest = json.loads(text)
    if manifest["format"] > FORMAT:
        raise StorageError(f"{path.name} is of a later version; use that version to import it")
    entry = StreamEntry(**manifest["stream"])
    entry = entry._replace(name=check_name(name or entry.name), created=time.time())
    if entry.name in (kept.name for kept in vault.catalogue.streams()):
        raise InputError(
            f"there is a stream {entry.name!r} already; choose another name",
            code="stream_exists",
            param="stream",
        )
    vault.enter(entry)
    try:
        _fill(vault, entry, tar, manifest, path)
    except BaseException:
        vault.forget(entry)
        raise
    vault.catalogue.sync()
    return entry


def _fill(
    vault: Vault, entry: StreamEntry, tar: tarfile.TarFile, manifest: dict[str, Any], path: Path
) -> None:
    """Write all that follows the manifest to where it belongs."""
    missing, folder = dict(manifest["sha256"]), vault.folder(entry)
    while (member := tar.next()) is not None:
        if not member.isreg() or member.name not in missing:
            raise _damaged(path, f"{member.name!r} does not belong in it")
        held = io.BytesIO()
        if LOG.fullmatch(member.name):
            target = folder.joinpath(*member.name.split("/")[1:])
            target.parent.mkdir(exist_ok=True)
            with target.open("xb") as out:
                found = _copy(_content(tar, member), out)
        else:
            found = _copy(_content(tar, member), held)
        if found != missing.pop(member.name):
            raise _damaged(path, f"the checksum of {member.name!r} is wrong")
        _enter(vault, entry.name, member.name, held.getvalue(), manifest["times"])
    if missing:
        raise _damaged(path, f"{len(missing)} files are missing")


def _enter(vault: Vault, name: str, member: str, data: bytes, times: list[float]) -> None:
    """Put a member that is no log into the catalogue."""
    if member == DIALOGUE:
        for told in json.loads(data):
            vault.catalogue.add_exchange(name, Exchange(**told))
    elif member == ALERTS:
        for alert in json.loads(data):
            vault.catalogue.add_alert(name, Alert(**alert))
    elif picture := PICTURE.fullmatch(member):
        vault.catalogue.add_thumbnail(name, float(times[int(picture[1])]), data)
    elif not LOG.fullmatch(member):
        raise ValueError(f"{member!r} does not belong in it")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise tarfile.TarError(f"{member.name!r} is not a file")
    return content


def _add(tar: tarfile.TarFile, member: str, data: bytes) -> None:
    about = tarfile.TarInfo(member)
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy all; return its SHA-256."""
    found = hashlib.sha256()
    while piece := source.read(PIECE):
        found.update(piece)
        target.write(piece)
    return found.hexdigest()


def _file_sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: str) -> StorageError:
    return StorageError(f"{path.name} is damaged or not an exported stream ({why}); nothing is in")
