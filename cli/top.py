"""`longwatch top`: how the service and its streams are doing, drawn anew all the time."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from longwatch.cli.options import DEFAULT_URL, ApiKey, CaFile, Url, milliseconds, minutes
from longwatch.client.http import get_json
from longwatch.errors import ClosedError, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import RenderableType

COLOURS = {"online": "green", "ended": "blue", "connecting": "yellow", "offline": "dim"}
DOWN = "red"  # of every other state
COLUMNS = ("stream", "state", "in/s", "used/s", "lag", "left out", "span", "tokens")
PLACES = ("device", "host", "disk", "asked", "watches")


@dataclass(frozen=True)
class Look:
    """What the service said at one moment."""

    streams: list[dict[str, Any]]
    watches: list[dict[str, Any]]
    status: dict[str, Any] | None  # None: the key may not see it
    at: float = field(default_factory=time.monotonic)


def look(url: str, api_key: str | None, ca: Path | None) -> Look:
    """Ask the service; blocks.

    Raises:
        ClosedError: nothing answers there.
        ServerError: it refuses, most likely the key.
    """

    def get(path: str) -> Any:
        return get_json(url, path, api_key, timeout=10.0, ca=ca)

    try:
        status = get("/v1/status")
    except ServerError as error:
        if error.code != "http_403":
            raise
        status = None
    return Look(get("/v1/streams")["data"], get("/v1/watches")["data"], status)


def rows(now: Look, before: Look | None) -> list[dict[str, Any]]:
    """Return what there is to say of each stream; rates need a look `before`."""
    received = {} if before is None else {s["stream"]: s["received"] for s in before.streams}
    passed = 0.0 if before is None else now.at - before.at
    found = []
    for stream in now.streams:
        name, memory = stream["stream"], stream["memory"]
        came = stream["received"] - received.get(name, stream["received"])
        known = passed > 0 and name in received
        found.append(
            {
                "stream": name,
                "state": stream["state"],
                "reason": stream["reason"],
                "fps_in": round(came / passed, 3) if known else None,
                "fps_used": stream["fps_used"],
                "lag_ms": stream["lag_ms"],
                "dropped": stream["dropped"],
                "span_s": memory["span_s"],
                "tokens": memory["tokens"],
                "device_bytes": memory["bytes"],
                "host_bytes": memory["host_bytes"],
                "disk_bytes": None if stream["disk"] is None else stream["disk"]["bytes"],
                "disk_reason": None if stream["disk"] is None else stream["disk"]["reason"],
                "questions": stream["questions"],
                "watches": sum(_looks_at(watch, name) for watch in now.watches),
            }
        )
    return found


def board(now: Look, before: Look | None, url: str) -> RenderableType:
    """Return the whole picture."""
    table = Table(*COLUMNS, *PLACES, box=None, header_style="bold", expand=False, pad_edge=False)
    for column in table.columns[2:5] + table.columns[6:]:
        column.justify, column.no_wrap = "right", True  # where it is narrow, words give way
    for row in rows(now, before):
        table.add_row(*_cells(row))
    parts: list[RenderableType] = [Text(line) for line in _head(now, url)]
    parts += [Text(), table] if now.streams else [Text("no streams", "dim")]
    return Group(*parts)


def _head(now: Look, url: str) -> list[str]:
    status = now.status
    if status is None:
        return [f"{url}  (the service itself is shown to keys with the scope manage)"]
    share, asked, open_ = status["model_share"], status["questions"], status["sessions"]
    ready = f"not ready: {', '.join(status['not_ready'])}" if status["not_ready"] else "ready"
    return [
        f"{url}  {status['model']} on {status['device']}, longwatch {status['version']}, "
        f"up {minutes(status['uptime_s'])}, {ready}",
        f"model {sum(share.values()):.0%} busy: frames {share['frame']:.0%}, "
        f"answers {share['answer']:.0%}, other {share['other']:.0%}",
        f"streams {status['streams']['open']} of {status['streams']['most']}, "
        f"sessions {open_['open']} of {open_['most']} and {open_['waiting']} cut off, questions "
        f"{asked['running']} running, {asked['waiting']} waiting, {asked['most']} at most",
        f"sealed in RAM {_quota(status['sealed']['host'])}, "
        f"on disk {_quota(status['sealed']['disk'])}",
    ]


def _cells(row: dict[str, Any]) -> list[Text]:
    state = row["state"] if row["reason"] is None else f"{row['state']} ({row['reason']})"
    asked = row["questions"]
    dropped = " ".join(f"{why} {count}" for why, count in row["dropped"].items() if count)
    disk = size(row["disk_bytes"])
    return [
        Text(row["stream"]),
        Text(state, COLOURS.get(row["state"], DOWN)),
        Text(_rate(row["fps_in"])),
        Text(_rate(row["fps_used"])),
        Text(milliseconds(row["lag_ms"])),
        Text(dropped or "-"),
        Text(minutes(row["span_s"])),
        Text(f"{row['tokens']:,}"),
        Text(size(row["device_bytes"])),
        Text(size(row["host_bytes"])),
        Text(disk) if row["disk_reason"] is None else Text(f"{disk} {row['disk_reason']}", DOWN),
        Text(f"{asked['running']}+{asked['waiting']}"),
        Text(str(row["watches"])),
    ]


def size(nbytes: int | None) -> str:
    """Return a number of bytes as people read it, such as `3.2M`."""
    if nbytes is None:
        return "-"
    amount = float(nbytes)
    for unit in ("", "K", "M", "G"):
        if amount < 1000:
            return f"{amount:.0f}{unit}" if not unit or amount >= 100 else f"{amount:.1f}{unit}"
        amount /= 1024
    return f"{amount:.1f}T"


def _quota(told: dict[str, int | None]) -> str:
    most = told["most"]
    return size(told["bytes"]) if most is None else f"{size(told['bytes'])} of {size(most)}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _looks_at(watch: dict[str, Any], stream: str) -> bool:
    return any(fnmatchcase(stream, pattern) for pattern in watch["streams"])


QUIT = "q"
WIDE = 200  # columns where the output is a file


def command(
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    ca: CaFile = None,
    interval: Annotated[
        float, typer.Option(min=0.05, max=3600, help="Seconds between two looks.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and end.")] = False,
) -> None:
    """Show all streams, live: state, rates, lag, what was left out, memory, questions. q ends it.

    `in/s` is what came, `used/s` what was read, `left out` the frames that were not and why,
    `asked` questions running + waiting.
    """

    def fetch() -> Look:
        return look(url, api_key, ca)

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    if not once and not as_json and console.is_terminal:
        _live(console, fetch, interval, url)
        return
    before = fetch()
    time.sleep(interval)  # rates are what changed between two looks
    now = fetch()
    if as_json:
        typer.echo(json.dumps({"status": now.status, "streams": rows(now, before)}, indent=1))
    else:
        console.print(board(now, before, url))


def _live(console: Console, fetch: Callable[[], Look], interval: float, url: str) -> None:
    """Show it until q, Ctrl-C or the end of the input; a service that is gone is looked for."""
    before, now = None, fetch()
    with keys() as wait, Live(console=console, screen=True, auto_refresh=False) as shown:
        shown.update(board(now, before, url), refresh=True)
        while QUIT not in wait(interval):
            try:
                before, now = now, fetch()
            except ClosedError as error:
                picture: RenderableType = Group(Text(str(error), "red"), board(now, before, url))
            else:
                picture = board(now, before, url)
            shown.update(picture, refresh=True)


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """Yield what waits for keys, for so many seconds, without Enter; "" where none came."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key(seconds: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return ""
    typed = os.read(sys.stdin.fileno(), 64)
    return typed.decode(errors="replace") if typed else QUIT  # the end of the input is the end


def _sleep(seconds: float) -> str:
    time.sleep(seconds)
    return ""
