"""`longwatch serve`: run the service until it is told to stop."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_origin

import typer

from longwatch.serve.config import Settings, load_settings
from longwatch.serve.server import run


def command(**flags: Any) -> None:
    """Run the service: load the model, listen, and say when it is ready. Ctrl-C stops it.

    Every flag can also be given as LONGWATCH_NAME in the environment, or as `name` in the TOML
    file that LONGWATCH_CONFIG names; flags win, then the environment, then the file.
    """
    run(load_settings(flags))


def _signature() -> inspect.Signature:
    """Return one optional keyword for each setting, so that the flags are the settings."""
    flags = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        shown = kind if kind in (bool, int, float) else list[str] if _many(kind) else str
        about = field.description or name
        text = f"{about[:1].upper()}{about[1:]} [default: {field.default!r}]"
        option = typer.Option(f"--{name.replace('_', '-')}", help=text, show_default=False)
        flags.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[shown | None, option],
            )
        )
    return inspect.Signature(flags)


def _many(kind: Any) -> bool:
    return get_origin(kind) is tuple


command.__signature__ = _signature()  # type: ignore[attr-defined]
command.__annotations__ = {
    flag.name: flag.annotation
    for flag in command.__signature__.parameters.values()  # type: ignore[attr-defined]
}
