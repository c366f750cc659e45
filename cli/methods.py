"""`longwatch methods`: the compressors, memories and presets that there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from longwatch.cli.listing import all_methods

if TYPE_CHECKING:
    from longwatch.cli.listing import Method

HEADS = {
    "compressors": "--compressor: fewer tokens of a frame, before it is read",
    "pruners": "--pruner: fewer tokens of a frame, inside the language model",
    "policies": "--policy: what a stream's memory keeps",
    "presets": "--preset: both by one name",
}


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the methods that streams can be given, with paper, settings and defaults."""
    methods = all_methods()
    if as_json:
        listed = {kind: [method.json() for method in found] for kind, found in methods.items()}
        typer.echo(json.dumps(listed, indent=2))
        return
    console = Console(highlight=False)
    for kind, found in methods.items():
        console.print(_table(HEADS[kind], found))
    console.print("A paper is named by its arXiv id. Settings stand with their defaults.")


def _table(title: str, methods: list[Method]) -> Table:
    table = Table("name", "what it does", "paper", title=title, title_justify="left")
    table.add_column("settings", overflow="fold")
    for method in methods:
        settings = "\n".join(f"{name}={_shown(v)}" for name, v in method.settings.items())
        row = (method.name, method.about, "\n".join(method.papers), settings)
        table.add_row(*map(escape, row), end_section=True)
    return table


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
