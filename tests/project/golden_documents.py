"""The golden files that need a service: all of them come of one session."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from longwatch import __version__
from tests.project import golden_disk
from tests.project.golden_commands import output
from tests.project.golden_session import FRAMES, STREAM, hold

if TYPE_CHECKING:
    from pathlib import Path

    from tests.project.golden_service import Service

DOCUMENTS = (
    "openapi.json",
    "client-events.json",
    "server-events.json",
    "http.json",
    "webhook.json",
    "metrics.json",
    "traces.json",
    "disk.json",
)
PATIENCE = 30.0  # seconds until all is on disk


def documents(service: Service, recorded: Path, place: Path) -> dict[str, Any]:
    """Hold the session and return what each golden file is to hold.

    The service runs on a copy of the folder `recorded`; files are left in `place`.
    """
    said = asyncio.run(hold(service))
    return {
        "openapi.json": _normalised(service.json("/openapi.json")),
        "client-events.json": service.json("/v1/protocol.json"),
        "server-events.json": {"events": said.events, "order": said.order},
        "http.json": said.replies,
        "webhook.json": said.webhook,
        "metrics.json": said.metrics,
        "traces.json": said.traces,
        "disk.json": _disk(service, recorded, place),
    }


def _normalised(document: Any) -> Any:
    """Return a document without the version, which changes with each release."""
    return json.loads(json.dumps(document).replace(f'"{__version__}"', '"VERSION"'))


def _disk(service: Service, recorded: Path, place: Path) -> dict[str, Any]:
    """Return the form of the folder, from a copy that is whole."""
    end = time.monotonic() + PATIENCE
    while golden_disk.seen(service.data, STREAM) < FRAMES or not _asked(service):
        if time.monotonic() > end:
            raise TimeoutError(f"the frames of {STREAM} did not reach the disk")
        time.sleep(0.02)
    copy, bundle = place / "copy", place / "bundle.tar"
    shutil.copytree(service.data, copy)
    output("streams", "export", STREAM, str(bundle), "--data", str(copy))
    output("keys", "add", "another", "--keys", str(copy / "keys.json"))
    return golden_disk.form(copy, recorded, STREAM, bundle)


def _asked(service: Service) -> bool:
    """Tell whether what was asked of the stream is on disk."""
    return bool(service.json(f"/v1/streams/{STREAM}/dialogue")["data"])
