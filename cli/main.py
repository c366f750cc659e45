"""`longwatch`: finds the verb, runs it, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from longwatch import __version__
from longwatch.errors import LongwatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = (
    "serve",
    "watch",
    "ask",
    "watch-for",
    "watches",
    "demo",
    "top",
    "streams",
    "keys",
    "methods",
    "doctor",
)
MODULES = {"watch-for": "watch_for", "demo": "demo.command", "doctor": "doctor.command"}
BAD_INPUT = 2  # the exit code when nothing was started
INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave the process."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run the verb that `args` name and return the exit code.

    0 went well, 1 did not, 2 bad input or nothing to talk to (one sentence on stderr says what to
    do), 130 Ctrl-C.
    """
    try:
        return make_app(args)(args=list(args), prog_name="longwatch", standalone_mode=False) or 0
    except typer.TyperException as usage:
        return _refuse(f"{usage.format_message().rstrip('.')}; see `longwatch --help`")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except LongwatchError as error:
        if "--debug" in args:
            raise
        return _refuse(str(error))


def make_app(args: Sequence[str]) -> typer.Typer:
    """Return the application. Only the verb that `args` name is imported, so it starts fast."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_options)
    named = next((arg for arg in args if arg in VERBS), None)
    for verb in VERBS if named is None else [named]:
        module = import_module(f"longwatch.cli.{MODULES.get(verb, verb)}")
        if hasattr(module, "app"):  # it has verbs of its own
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(module.command)
    return app


def _say_version(wanted: bool) -> None:
    """Say the version and stop there."""
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Watch live video without end, and ask about any moment of it."""


def _refuse(sentence: str) -> int:
    """Say what is wrong in one line."""
    typer.echo(f"longwatch: {' '.join(sentence.split())}", err=True)
    return BAD_INPUT


if __name__ == "__main__":
    main()
