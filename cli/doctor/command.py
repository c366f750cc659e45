"""`longwatch doctor`: what works here, and what is missing."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from longwatch.cli.doctor.checks import all_checks
from longwatch.cli.options import DEFAULT_URL, Url

_MARKS = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "fail": "[red]FAIL[/]"}


def command(
    model: Annotated[str, typer.Option(help="Model to load and try.")] = "bundled",
    url: Url = DEFAULT_URL,
) -> int:
    """Say what works here and what is missing; exit code 1 if something must be fixed."""
    console = Console(highlight=False, soft_wrap=True)
    failed = 0
    for check in all_checks(url, model):
        console.print(f"{_MARKS[check.state]}  {escape(check.what):14} {escape(check.found)}")
        failed += check.state == "fail"
    if failed:
        console.print(f"{failed} to be fixed before the service works here")
        return 1
    console.print("everything that the service needs is here")
    return 0
