"""`longwatch watch URL`: have the service fetch a camera, and tell how that goes."""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from longwatch.cli.options import milliseconds
from longwatch.client import connect
from longwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.client import Client, StreamView

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https")
TICK = 0.5  # seconds between two looks at the clock


def is_url(source: str) -> bool:
    """Tell whether the service is to fetch SOURCE by itself."""
    return source.partition("://")[0].lower() in SCHEMES and "://" in source


def source_of(transport: str, username: str | None, password_env: str | None) -> dict[str, Any]:
    """Return what goes beside the URL; a password never stands on the command line.

    Raises:
        InputError: the variable that should hold the password is not set.
    """
    given: dict[str, Any] = {"transport": transport, "username": username}
    if password_env is not None:
        given["password"] = os.environ.get(password_env)
        if given["password"] is None:
            raise InputError(
                f"the environment variable {password_env} is not set; put the password into it"
            )
    return {key: value for key, value in given.items() if value is not None}


def stream_name(url: str) -> str:
    """Return a name for the stream of a URL, such as `cam-lan`."""
    host = urlsplit(url).hostname or "camera"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host).strip("-_")[:64] or "camera"


async def watch_url(
    url: str,
    stream: str,
    source: dict[str, Any],
    seconds: float | None,
    service: str,
    api_key: str | None,
    ca: Path | None,
) -> None:
    """Have `url` pulled and follow it until Ctrl-C or its end, or close it after `seconds`."""
    console = Console(stderr=True)
    async with connect(service, api_key=api_key, ca=ca) as client:
        view = await client.pull(url, stream=stream, **source)
        try:
            with console.status(stream) as status:
                end = None if seconds is None else time.monotonic() + seconds
                told: tuple[Any, ...] = ()
                while view.state not in ("ended", "offline"):
                    if end is not None and time.monotonic() > end:
                        break
                    told = _tell(view, told)
                    status.update(_line(view))
                    await _news(view)
                _tell(view, told)
        finally:
            await _leave(client, view, close=seconds is not None)


async def _news(view: StreamView) -> None:
    try:
        async with asyncio.timeout(TICK):
            await view.changed()
    except TimeoutError:
        pass


async def _leave(client: Client, view: StreamView, *, close: bool) -> None:
    """Say what came of it, and stop it if it was to last for so long alone."""
    read = 0 if view.stats is None else view.stats.used
    goes_on = not close and view.state not in ("ended", "offline")
    if close and not client.closed:
        await client.close_stream(view.stream)
    about = "; the service goes on watching it" if goes_on else ""
    typer.echo(f"{view.stream}: {read} frames read{about}")


def _tell(view: StreamView, before: tuple[Any, ...]) -> tuple[Any, ...]:
    """Print the state if it is another one than before; return it."""
    now = (view.state, view.reason, view.told.get("attempt"))
    if now == before:
        return now
    line = f"{view.stream}: {view.state}"
    if view.reason is not None:
        line += f" ({view.reason})"
    if "message" in view.told:
        line += f": {view.told['message']}"
    if "retry_in_ms" in view.told:
        line += f"; again in {view.told['retry_in_ms'] / 1000:.1f} s"
    typer.echo(line)
    return now


def _line(view: StreamView) -> str:
    stats = view.stats
    if stats is None:
        return f"{view.stream}: {view.state}"
    rate = "-" if stats.fps_used is None else f"{stats.fps_used:.1f}"
    return (
        f"{view.stream}: {view.state}  {stats.used} frames read  {rate} fps  "
        f"lag {milliseconds(stats.lag_ms)}  lost {stats.lost}"
    )
