"""`longwatch watch`: push a file, a camera or a scene to the service, or let it fetch a source."""

from __future__ import annotations

import asyncio
import os
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from longwatch.cli.options import DEFAULT_URL, ApiKey, CaFile, Url, milliseconds, minutes
from longwatch.client import connect
from longwatch.client.push import push_camera, push_file, push_frames
from longwatch.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from longwatch.client import Client, StreamView
    from longwatch.client.push import Progress as Pushed

    Push = Callable[[Client, Callable[[Pushed], None]], Coroutine[Any, Any, Pushed]]

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


LIVE = {"camera", "synthetic"}


def command(  # noqa: PLR0913 - one argument a flag
    source: Annotated[
        str,
        typer.Argument(
            help="A video file, camera:N, synthetic:SEED for a made-up scene, or the URL of a "
            "camera (rtsp, rtmp, http, HLS) that the service is to fetch."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the stream.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second that the model reads.")] = None,
    speed: Annotated[float, typer.Option(help="1 is live; 0 as fast as it goes.")] = 1.0,
    seconds: Annotated[
        float | None, typer.Option(help="Stop a camera or a made-up scene after so long.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Play a file again and again.")] = False,
    preset: Annotated[
        str | None, typer.Option(help="How a new stream is read and kept; see `methods`.")
    ] = None,
    transport: Annotated[str, typer.Option(help="Of RTSP: auto, tcp or udp.")] = "auto",
    username: Annotated[str | None, typer.Option(help="User of the camera.")] = None,
    password_env: Annotated[
        str | None, typer.Option(help="Environment variable with the camera's password.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    ca: CaFile = None,
) -> None:
    """Push SOURCE into a stream of the service, so that it can be asked about.

    A camera with a URL is fetched by the service, and goes on after Ctrl-C.
    """
    if speed < 0:
        raise ConfigError(f"--speed must not be negative, not {speed:g}; 1 is live")
    if fps is not None and fps <= 0:
        raise ConfigError(f"--fps must be above 0, not {fps:g}")
    if is_url(source):
        if loop or speed != 1.0:
            raise InputError("--loop and --speed are for files; a URL keeps its own pace")
        beside = {"fps": fps, **source_of(transport, username, password_env)}
        if preset is not None:
            beside["policy"] = {"preset": preset}
        name = name or stream_name(source)
        asyncio.run(watch_url(source, name, beside, seconds, url, api_key, ca))
        return
    live = source.partition(":")[0] in LIVE
    if loop and live:
        raise InputError(f"--loop is for files, and {source!r} goes on by itself; leave it out")
    if seconds is not None and (not live or seconds <= 0):
        raise InputError("--seconds is for cameras and made-up scenes, and above 0; leave it out")
    paced: dict[str, Any] = {"fps": fps, "speed": speed or None}
    if preset is not None:
        paced["policy"] = {"preset": preset}
    stream, push = _live(source, name, paced, seconds) if live else _file(source, name, paced, loop)
    asyncio.run(_watch(stream, push, url, api_key, ca))


async def _watch(stream: str, push: Push, url: str, api_key: str | None, ca: Path | None) -> None:
    async with connect(url, api_key=api_key, ca=ca) as client:
        with _bar(stream) as show:
            done = await push(client, show)
    stats = done.stats
    lost = 0 if stats is None else stats.lost
    read = "-" if stats is None else stats.used
    typer.echo(f"{stream}: {minutes(done.time)} sent, {read} frames read, {lost} lost")


def _file(source: str, name: str | None, paced: dict[str, Any], loop: bool) -> tuple[str, Push]:
    """Return the stream's name and what pushes a file into it; nothing is sent yet."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(source).stem).lstrip(".-_")[:64]
    stream = name or stem or "file"
    return stream, lambda client, show: push_file(
        client, source, stream=stream, loop=loop, progress=show, **paced
    )


def _live(
    source: str, name: str | None, paced: dict[str, Any], seconds: float | None
) -> tuple[str, Push]:
    """Return the stream's name and what pushes a camera or a scene; nothing is sent yet."""
    kind, _, rest = source.partition(":")
    if not rest.isdecimal():
        raise InputError(f"{source!r} needs a number after the colon, such as {kind}:0")
    number, stream = int(rest), name or f"{kind}{rest}"
    if kind == "camera":
        fps = paced["fps"] or 2.0
        options = {key: value for key, value in paced.items() if key == "policy"}
        return stream, lambda client, show: push_camera(
            client, number, stream=stream, fps=fps, seconds=seconds, progress=show, **options
        )
    from longwatch.stream.sources.synthetic import SyntheticSource  # OpenCV is not needed otherwise

    scene = SyntheticSource(number, duration=seconds).pictures()
    frames = ((image, time) for time, image in scene)
    return stream, lambda client, show: push_frames(
        client, frames, stream=stream, progress=show, **paced
    )


@contextmanager
def _bar(stream: str) -> Iterator[Callable[[Pushed], None]]:
    """Draw the progress on stderr, where it is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}  {task.fields[fps]} fps  lag {task.fields[lag]}"),
        TextColumn("dropped {task.fields[dropped]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(stream, total=None, at="0:00.0", fps="-", lag="-", dropped=0)

        def show(pushed: Pushed) -> None:
            stats = pushed.stats
            bar.update(
                task,
                total=pushed.duration,
                completed=pushed.time,
                at=minutes(pushed.time),
                fps="-" if stats is None or stats.fps_used is None else f"{stats.fps_used:.1f}",
                lag=milliseconds(None if stats is None else stats.lag_ms),
                dropped=0 if stats is None else stats.lost,
            )

        yield show
