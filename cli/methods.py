"""`longwatch methods`: the compressors, memories and presets that there are."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from longwatch.compressors import COMPRESSORS, PRUNERS
from longwatch.memory import POLICIES
from longwatch.serve.streams.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longwatch.serve.streams.presets import Preset

PAPER = re.compile(r"\b\d{4}\.\d{5}\b")  # an arXiv id


@dataclass(frozen=True)
class Method:
    """One line of a table."""

    name: str
    about: str
    papers: tuple[str, ...]
    settings: Mapping[str, Any]  # name -> default

    def json(self) -> dict[str, Any]:
        """Return it with settings that JSON can hold; others are in words."""
        plain = {name: _plain(value) for name, value in self.settings.items()}
        return {**asdict(self), "papers": list(self.papers), "settings": plain}


def all_methods() -> dict[str, list[Method]]:
    """Return compressors, pruners, memory policies and presets, each in its table's order."""
    return {
        "compressors": [_method(name, made) for name, made in COMPRESSORS.items()],
        "pruners": [_method(name, made) for name, made in PRUNERS.items()],
        "policies": [_method(name, made) for name, made in POLICIES.items()],
        "presets": [_preset(name, made) for name, made in PRESETS.items()],
    }


def _method(name: str, made: type[Any]) -> Method:
    """Return what the file says of the method, which is the only one in it."""
    module = inspect.getmodule(made)
    about = (module.__doc__ or "").partition("\n")[0].rstrip(".")
    papers = dict.fromkeys(PAPER.findall(made.__doc__ or ""))
    return Method(name, about, tuple(papers), _defaults(made))


def _preset(name: str, made: Preset) -> Method:
    given = {key: value for key, value in made.settings().items() if value is not None}
    return Method(name, made.about, made.papers, given)


def _defaults(made: type[Any]) -> dict[str, Any]:
    found = {}
    for field in fields(made) if is_dataclass(made) else ():
        if field.default is not MISSING:
            found[field.name] = field.default
        elif field.default_factory is not MISSING:
            found[field.name] = field.default_factory()
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


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
