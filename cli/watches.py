"""`longwatch watches`: what a service watches for."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from longwatch.cli.options import DEFAULT_URL, ApiKey, Url
from longwatch.client import connect

app = typer.Typer(help="List and delete what a service watches for.", no_args_is_help=True)


@app.command("list")
def list_watches(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List all watches."""

    async def fetch() -> list[dict[str, Any]]:
        async with connect(url, api_key=api_key) as client:
            return await client.watches()

    found = asyncio.run(fetch())
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    table = Table("watch", "state", "fired", "streams", "condition", box=None)
    for watch in found:
        streams = ", ".join(watch["streams"])
        row = (watch["id"], watch["state"], str(watch["fired"]), streams, watch["condition"])
        table.add_row(*row)
    Console(soft_wrap=True, highlight=False).print(table)


@app.command()
def delete(
    watch: Annotated[str, typer.Argument(help="Id of the watch.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Forget a watch."""

    async def forget() -> None:
        async with connect(url, api_key=api_key) as client:
            await client.delete_watch(watch)

    asyncio.run(forget())
    typer.echo(f"{watch} is deleted")
