"""`longwatch keys`: who may use a service, and for what."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from longwatch.errors import InputError
from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.auth.principal import Scope

if TYPE_CHECKING:
    from longwatch.serve.auth.keys import Key

app = typer.Typer(
    help="Make, list and revoke the keys of a service; it reads their file anew by itself.",
    no_args_is_help=True,
)
File = Annotated[
    Path, typer.Option("--keys", envvar="LONGWATCH_KEYS", help="File that holds the keys.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DAY = 86_400.0
ASK_ONLY: list[str] = ["ask"]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is, for the list.")],
    keys: File,
    scope: Annotated[
        list[str], typer.Option("--scope", help="ask, publish or manage; more than once for more.")
    ] = ASK_ONLY,
    stream: Annotated[
        list[str] | None,
        typer.Option("--stream", help="Pattern of names, such as door-*; else all streams."),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires; else never.")] = None,
) -> None:
    """Make a key and print it, this once: the file holds nothing that it could be made from."""
    if days is not None and days <= 0:
        raise InputError(f"--days must be above 0, not {days:g}")
    expires = None if days is None else time.time() + days * DAY
    key, token = KeyFile(keys).add(name, _scopes(scope), stream or ["*"], expires)
    typer.echo(
        f"key {key.id} of {name}: {', '.join(key.scopes)} on {', '.join(key.streams)}", err=True
    )
    typer.echo(token)


@app.command("list")
def list_keys(keys: File, as_json: Json = False) -> None:
    """List all keys, without what would let anybody in."""
    found = list(KeyFile(keys).read().values())
    if as_json:
        typer.echo(json.dumps([_record(key) for key in found], indent=1))
        return
    table = Table("id", "name", "scopes", "streams", "made", "expires", box=None)
    for key in found:
        expires = "never" if key.expires is None else _date(key.expires)
        table.add_row(
            key.id,
            key.name,
            " ".join(key.scopes),
            " ".join(key.streams),
            _date(key.created),
            expires,
        )
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key; `list` shows it.")], keys: File
) -> None:
    """Take a key out; a running service closes its connections at once."""
    key = KeyFile(keys).revoke(key_id)
    typer.echo(f"key {key.id} of {key.name} is revoked")


def _scopes(named: list[str]) -> list[Scope]:
    known: tuple[Scope, ...] = get_args(Scope)
    for name in named:
        if name not in known:
            raise InputError(f"there is no scope {name!r}; use {', '.join(known)}")
    return [scope for scope in known if scope in named]


def _record(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "streams": key.streams,
        "created": key.created,
        "expires": key.expires,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
