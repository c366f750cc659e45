"""`longwatch top`: the streams of a service and what they cost, live."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from longwatch.cli.board import Look, board, look, rows
from longwatch.cli.options import DEFAULT_URL, ApiKey, CaFile, Url
from longwatch.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

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
