"""`longwatch watch-for`: say when something in words comes true, as it does."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longwatch.cli.options import DEFAULT_URL, ApiKey, Url, minutes
from longwatch.client import connect

if TYPE_CHECKING:
    from longwatch.client import Firing


def command(  # noqa: PLR0913 - one argument a flag
    condition: Annotated[str, typer.Argument(help='What to watch for, such as "a dog appears".')],
    stream: Annotated[
        list[str] | None, typer.Option(help="Stream, or pattern such as door-*; again for more.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop after the first time.")] = False,
    cooldown: Annotated[float, typer.Option(min=0, help="Seconds of silence after each.")] = 10.0,
    hold: Annotated[float, typer.Option(min=0, help="Seconds that it must be true.")] = 0.5,
    threshold: Annotated[float, typer.Option(help="Probability from which it is true.")] = 0.5,
    webhook: Annotated[str | None, typer.Option(help="URL that each time is posted to.")] = None,
    secret_env: Annotated[
        str | None, typer.Option(help="Environment variable with the secret that signs posts.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the watch on the server.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> int:
    """Tell each time that a condition comes true on a stream, until Ctrl-C."""
    settings: dict[str, Any] = {"once": once, "cooldown_s": cooldown, "min_duration_s": hold}
    settings["threshold"] = threshold
    if stream:
        settings["stream"] = stream
    if webhook is not None:
        settings["webhook"] = {"url": webhook}
        if secret_env is not None:
            settings["webhook"]["secret"] = os.environ.get(secret_env, "")
    return asyncio.run(_watch(condition, settings, url, api_key, keep=keep, as_json=as_json))


async def _watch(
    condition: str,
    settings: dict[str, Any],
    url: str,
    api_key: str | None,
    *,
    keep: bool,
    as_json: bool,
) -> int:
    async with connect(url, api_key=api_key) as client:
        watch = await client.watch_for(condition, **settings)
        typer.echo(f"watching for {condition!r} as {watch.id}", err=True)
        try:
            async for firing in watch:
                typer.echo(json.dumps(asdict(firing)) if as_json else _line(firing))
        finally:
            if not keep and not client.closed:
                await watch.delete()
    return 0


def _line(firing: Firing) -> str:
    return f"{minutes(firing.time)}  {firing.stream}  {firing.text}  ({firing.score:.0%})"
