"""What `longwatch doctor` looks at around the service: its settings, its files, the test tools."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.cli.doctor.finding import Check
from longwatch.errors import ConfigError
from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.config import load_settings
from longwatch.serve.server import check_tls

if TYPE_CHECKING:
    from longwatch.serve.config import Settings

LITTLE = 2 << 30  # bytes free on disk, below which it is worth a word


def settings_checks() -> list[Check]:
    """Look at the settings of the environment and the file, and at all that they name."""
    try:
        settings = load_settings()
    except ConfigError as error:
        return [Check("settings", "fail", str(error))]
    return [
        Check("settings", "ok", _where(settings)),
        *_data(settings),
        *_keys(settings),
        *_tls(settings),
    ]


def _where(settings: Settings) -> str:
    given = sorted(settings.model_fields_set)
    return f"{', '.join(given)} given; all others by default" if given else "all by default"


def _data(settings: Settings) -> list[Check]:
    """Tell whether the folder can be written to; it is not locked, as a service may run."""
    if not settings.data:
        told = "none; streams end with the service (serve --data FOLDER --persist keeps them)"
        return [Check("data", "note", told)]
    folder = Path(settings.data).expanduser()
    there = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not there.is_dir():
        return [Check("data", "fail", f"{there} is a file; name a folder with --data")]
    if not os.access(there, os.W_OK | os.X_OK):
        return [
            Check(
                "data",
                "fail",
                f"{there} cannot be written to; make it this user's, or choose "
                "another one with --data",
            )
        ]
    free = shutil.disk_usage(there).free
    found = f"{folder} can be used, {free / 2**30:.1f} GiB free"
    if free < LITTLE:
        return [Check("data", "note", f"{found}, which is little; see docs/operations.md on sizes")]
    return [Check("data", "ok", found)]


def _keys(settings: Settings) -> list[Check]:
    if not settings.keys:
        return []
    try:
        keys = KeyFile(Path(settings.keys).expanduser()).read()
    except ConfigError as error:
        return [Check("keys", "fail", str(error))]
    if not keys:
        return [Check("keys", "note", "there is none yet; make one with: longwatch keys add NAME")]
    return [Check("keys", "ok", f"{len(keys)} in {settings.keys}")]


def _tls(settings: Settings) -> list[Check]:
    if not settings.tls_cert:
        return []
    try:
        check_tls(settings)
    except ConfigError as error:
        return [Check("tls", "fail", str(error))]
    return [Check("tls", "ok", f"{settings.tls_cert} and its key belong together")]


def tools_check() -> Check:
    """Tell which of the tools are there that only tests of a checkout need."""
    found = {"Chromium": _chromium(), "GStreamer's RTSP server": _gstreamer()}
    have = ", ".join(name for name, there in found.items() if there)
    missing = ", ".join(name for name, there in found.items() if not there)
    if missing:
        told = f"no {missing}; their tests are skipped (scripts/system-packages installs them)"
        return Check("test tools", "note", f"{have}; {told}" if have else told)
    return Check("test tools", "ok", have)


def _chromium() -> bool:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    if any(shutil.which(name) for name in names):
        return True
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or "~/.cache/ms-playwright")
    with suppress(OSError):
        return find_spec("playwright") is not None and any(cache.expanduser().glob("chromium*"))
    return False


def _gstreamer() -> bool:
    with suppress(OSError):
        folders = Path("/usr/lib").glob("**/girepository-1.0/GstRtspServer-1.0.typelib")
        return next(folders, None) is not None
    return False
