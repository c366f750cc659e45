"""`longwatch streams`: the streams that a service keeps on disk, while it runs or not."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from longwatch.cli.options import minutes
from longwatch.errors import InputError
from longwatch.memory.durable.bundle import export_stream, import_stream
from longwatch.memory.durable.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.memory.durable.catalogue import StreamEntry

app = typer.Typer(
    help="Look at, move and forget the streams that a service keeps on disk.",
    no_args_is_help=True,
)
Data = Annotated[
    Path,
    typer.Option("--data", envvar="LONGWATCH_DATA", help="Folder that the streams are kept in."),
]
Name = Annotated[str, typer.Argument(help="Name of the stream.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_streams(data: Data, as_json: Json = False) -> None:
    """List all streams; also while a service runs."""
    with closing(Vault(data, write=False)) as vault:
        found = [_record(vault, entry) for entry in vault.catalogue.streams()]
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    table = Table("stream", "frames", "until", "on disk", "made", "model", box=None)
    for stream in found:
        table.add_row(
            stream["stream"],
            f"{stream['frames']:,}",
            minutes(stream["last_time"]),
            f"{stream['bytes'] / 2**20:,.1f} MiB",
            _date(stream["created"]),
            stream["model"].partition(" ")[0],
        )
    Console(soft_wrap=True, highlight=False).print(table)


@app.command()
def show(name: Name, data: Data, as_json: Json = False) -> None:
    """Show one stream: how it was set up, and what was asked; also while a service runs."""
    with closing(Vault(data, write=False)) as vault:
        entry = vault.entry(name)
        told = [exchange._asdict() for exchange in vault.catalogue.dialogue(name)]
        times = vault.catalogue.thumbnail_times(name)
        found = {**_record(vault, entry), "settings": entry.settings, "dialogue": told}
    found["thumbnails"] = times
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    typer.echo(f"{name}: {entry.frames:,} frames, {entry.tokens:,} tokens, read by {entry.model}")
    typer.echo(f"made {_date(entry.created)}, seen until {minutes(entry.last_time)}")
    typer.echo(f"{found['bytes'] / 2**20:,.1f} MiB on disk, {len(times)} pictures")
    typer.echo(", ".join(f"{key}={value}" for key, value in entry.settings.items()))
    for exchange in told:
        typer.echo(f"{minutes(exchange['as_of'])}  {exchange['question']}  {exchange['answer']}")


@app.command("export")
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="File to write, such as door.tar.")],
    data: Data,
) -> None:
    """Write a stream, with checksums, to one file; no service may use the folder."""
    with closing(Vault(data)) as vault, _using(file):
        entry = export_stream(vault, name, file)
    size = file.stat().st_size / 2**20
    typer.echo(f"{name}: {entry.frames:,} frames in {file}, {size:,.1f} MiB")


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="File that `longwatch streams export` wrote.")],
    data: Data,
    name: Annotated[str | None, typer.Option("--as", help="Another name for it.")] = None,
) -> None:
    """Take in an exported stream; a damaged file is refused. No service may use the folder."""
    with closing(Vault(data)) as vault, _using(file):
        entry = import_stream(vault, file, name)
    typer.echo(f"{entry.name}: {entry.frames:,} frames, served when the service starts next")


@app.command()
def forget(
    name: Name,
    data: Data,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a stream and all that belongs to it; no service may use the folder."""
    with closing(Vault(data)) as vault:
        entry = vault.entry(name)
        if not yes:
            typer.confirm(
                f"Forget {name} with its {entry.frames:,} frames? It cannot be undone", abort=True
            )
        vault.forget(entry)
    typer.echo(f"{name} is forgotten")


@contextmanager
def _using(file: Path) -> Iterator[None]:
    """Say in a sentence why a file cannot be used."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be used: {error.strerror}; correct it") from error


def _record(vault: Vault, entry: StreamEntry) -> dict[str, Any]:
    return {
        "stream": entry.name,
        "frames": entry.frames,
        "tokens": entry.tokens,
        "last_time": entry.last_time,
        "bytes": vault.nbytes(entry),
        "created": entry.created,
        "model": entry.model,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
