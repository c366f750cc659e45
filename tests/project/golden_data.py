"""A data folder that keeps a bit of everything: how it is written, and what it shows when opened.

A folder under `golden/`, such as `data-1`, was written by the version that its `about.json` names,
and is never written anew: a later format gets a folder of its own beside it, and each must open for
as long as its format is supported. What a folder shows is in the file `data-1.json` beside it.

Keys and values belong to the weights that wrote them. Where the bundled model is trained anew, no
older folder can be served with it: write the next folder then, and remove those before.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from longwatch import __version__, client
from longwatch.cli.demo.script import load_pictures
from longwatch.client import sync
from longwatch.errors import ServerError
from longwatch.memory.durable.store import Store
from longwatch.memory.durable.vault import Vault
from longwatch.memory.durable.writer import Writer
from longwatch.serve.engine import persistence
from tests.project.golden_commands import output
from tests.project.golden_files import FOLDER, as_text
from tests.project.golden_service import KEYS, Service, serving
from tests.support.peer import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.client import Client, Publisher
    from longwatch.serve.config import Settings

ABOUT, BUNDLE = "about.json", "stream.tar"
STEP = 0.5  # seconds between two frames
AHEAD = 16  # frames that may wait to be read
FILE_BYTES = 8 << 10  # of a log's file: small, so that what is no longer needed is deleted
PICTURE_BYTES = 8 << 10  # of the thumbnails of one stream
SHARED = {"persist": True, "queue": 64, "on_full": "block", "compressor": "keep_all"}
FEW = {"compressor": "longwatch", "keep": 0.3}
# As many frames as it takes until blocks are on the second rung of the ladder, and on the other
# streams until what is at hand is little.
STREAMS: dict[str, tuple[int, dict[str, Any]]] = {
    "ladder": (366, {"memory": "longwatch", "memory_mb": 1}),
    "window": (8, {"memory": "window", "window_tokens": 7, **FEW}),
    "rekv": (8, {"memory": "rekv", "window_tokens": 7, **FEW}),
    "groups": (11, {"memory": "streamingtom", "window_tokens": 10}),
    "pages": (35, {"memory": "livevlm", "compressor": "longwatch", "keep": 0.1}),
}
EXPORTED, IMPORTED = "rekv", "imported"
PULLED = "door"
SOURCE = "rtsp://operator:not-a-secret@127.0.0.1:9/front"  # where nothing answers
WATCHED = "ladder"
HOOK = {"url": "https://hooks.example.com/longwatch", "secret": "not-a-secret"}
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("what do you see now?", {}),
    ("what do you see?", {}),
    ("was there an espresso?", {}),
    ("was there a goldfish?", {}),
    ("how many different things have you seen?", {}),
    ("what was the first thing you saw?", {}),
    ("what did you see at 0:02?", {}),
    ("when did you first see the tripod?", {}),
    ("what do you see?", {"as_of": 3.0}),
    ("was there an egyptian cat?", {"between": (0.0, 2.0)}),
)
PASSING = {"archive_bytes"}  # of a stream's memory: RAM, which is no matter of the format


def folders() -> list[Path]:
    """Return the recorded data folders, the oldest format first."""
    return sorted(path for path in FOLDER.glob("data-*") if path.is_dir())


def write(folder: Path) -> None:
    """Write a new data folder.

    Raises:
        FileExistsError: it is there; a folder that was recorded is not replaced.
    """
    folder.mkdir(parents=True)
    scopes = [part for scope in ("ask", "publish", "manage") for part in ("--scope", scope)]
    token = output("keys", "add", "golden baseline", *scopes, "--keys", str(folder / KEYS)).strip()
    with (
        patch.object(persistence, "Store", partial(Store, file_bytes=FILE_BYTES)),
        serving(folder, token, _keeping) as service,
    ):
        asyncio.run(_fill(service))
    output("streams", "export", EXPORTED, str(folder / BUNDLE), "--data", str(folder))
    (folder / ABOUT).write_text(as_text({"version": __version__, "token": token}))
    (folder / "lock").unlink()


@contextmanager
def opened(folder: Path, copy: Path) -> Iterator[Service]:
    """Serve a copy of a recorded folder, with the stream that was exported from it once more."""
    shutil.copytree(folder, copy)
    (copy / KEYS).chmod(0o600)  # a checkout may let others write
    output("streams", "import", str(copy / BUNDLE), "--as", IMPORTED, "--data", str(copy))
    about = json.loads((folder / ABOUT).read_text())
    with serving(copy, about["token"]) as service:
        yield service


def shown(service: Service) -> Any:
    """Return what a data folder shows over HTTP, and what the model answers from it, as JSON."""
    known = {*STREAMS, IMPORTED, PULLED}
    streams = {
        each["stream"]: _stream(service, each)
        for each in _listed(service, "streams")
        if each["stream"] in known
    }
    with sync.connect(service.url, api_key=service.token) as asker:
        for name in streams.keys() - {PULLED}:
            streams[name]["answers"] = [_ask(asker, name, *each) for each in QUESTIONS]
    watches = {each["id"]: each for each in _listed(service, "watches") if each["streams"] != ["*"]}
    for name, watch in watches.items():
        watch["firings"] = asyncio.run(_firings(service, name))
    keys = json.loads(output("keys", "list", "--keys", str(service.data / KEYS), "--json"))
    return json.loads(as_text({"streams": streams, "watches": watches, "keys": keys}))


def within(found: Any, expected: Any) -> Any:
    """Return `found` without the fields that objects had not when `expected` was recorded.

    A later version may show more of an old folder; what was shown before must stay.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        return {key: within(found[key], expected[key]) for key in expected if key in found}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [within(*pair) for pair in zip(found, expected, strict=True)]
    return found


def _listed(service: Service, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.json(f"/v1/{what}")["data"]
    return found


def _stream(service: Service, listed: dict[str, Any]) -> dict[str, Any]:
    """Return what a stream shows, before it is asked anything."""
    name = listed["stream"]
    timeline = service.json(f"/v1/streams/{name}/timeline")
    pictures = {
        pts: hashlib.sha256(service.get(f"/v1/streams/{name}/frames/{pts}.jpg")).hexdigest()[:16]
        for pts in timeline.pop("pictures")
    }
    kept = json.loads(output("streams", "show", name, "--data", str(service.data), "--json"))
    found = {
        "settings": kept["settings"],
        "source": listed["source"],
        "memory": {k: v for k, v in listed["memory"].items() if k not in PASSING},
        "timeline": timeline,
        "pictures": pictures,
        "dialogue": service.json(f"/v1/streams/{name}/dialogue")["data"],
    }
    if name != IMPORTED:
        found["created"] = kept["created"]
    return found


def _ask(asker: sync.Client, stream: str, text: str, asked: dict[str, Any]) -> dict[str, Any]:
    put = {"question": text, **asked}
    try:
        answer = asker.ask(text, stream=stream, max_tokens=48, **asked)
        put["answer"] = answer.read()
    except ServerError as error:
        return {**put, "error": error.code}
    return {**put, "as_of": answer.as_of}


async def _firings(service: Service, watch_id: str) -> list[dict[str, Any]]:
    """Return the firings of a watch that are kept, as they come over the websocket."""
    headers = {"Authorization": f"Bearer {service.token}"}
    async with connect(service.url, additional_headers=headers) as peer:
        await peer.send({"type": "lw.watch.attach", "watch_id": watch_id, "after": 0})
        await peer.send({"type": "lw.ping", "t": "end"})
        found = list[dict[str, Any]]()
        while (event := await peer.receive())["type"] != "lw.pong":
            if event["type"] == "lw.watch.fired":
                del event["event_id"]
                found.append(event)
        return found


@contextmanager
def _keeping(settings: Settings) -> Iterator[persistence.StreamPersistence]:
    """Open the folder as a service does, but with room for a few thumbnails of each stream."""
    writer = Writer()
    writer.start()
    kept = persistence.StreamPersistence(
        Vault(Path(settings.data), thumbnail_bytes=PICTURE_BYTES), writer
    )
    try:
        yield kept
    finally:
        kept.close()


async def _fill(service: Service) -> None:
    async with client.connect(service.url, api_key=service.token) as one:
        watch = await one.watch_for(
            "there is a cat", stream=[WATCHED], cooldown_s=20.0, min_duration_s=1.0
        )
        await one.watch_for("a space shuttle", stream=["d*"], threshold=0.7, webhook=HOOK)
        await (await one.watch_for("a dog", once=True)).delete()
        for name, (count, policy) in STREAMS.items():
            await _push(await one.open_stream(name, fps=0, policy={**SHARED, **policy}), count)
        await watch.next()
        await _ask_of(one, WATCHED)
        await _ask_of(one, EXPORTED)
        await one.pull(SOURCE, stream=PULLED, transport="tcp", policy={"persist": True})


async def _push(source: Publisher, count: int) -> None:
    """Push the demo's photographs, each for the same time; leave once all were read."""
    pictures = [picture.path.read_bytes() for picture in load_pictures()]
    async with source:
        for n in range(count):
            await source.send(pictures[n * len(pictures) // count], n * STEP)
            await _read(source, n + 1 - AHEAD)
        await _read(source, count)


async def _read(source: Publisher, count: int) -> None:
    """Wait until so many frames were read, so that none of those sent is lost."""
    while count > 0 and (source.stats is None or source.stats.used < count):
        await source.next_stats()


async def _ask_of(one: Client, name: str) -> None:
    """Ask a few questions, which the stream's dialogue keeps."""
    for text in ("what do you see?", "was there an egyptian cat?", "how many different things?"):
        await (await one.ask(text, stream=name)).read()
