"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[str, typer.Option("--url", envvar="LONGWATCH_URL", help="Address of the service.")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key", envvar="LONGWATCH_API_KEY", show_envvar=True, help="Key, if it needs one."
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca", envvar="LONGWATCH_CA", help="PEM file of an authority to trust, for https."
    ),
]
DEFAULT_URL = "http://127.0.0.1:8090"


def minutes(seconds: float | None) -> str:
    """Return a time of a stream as people read it, such as `1:07.5` or `1:02:03.0`."""
    if seconds is None:
        return "-"
    whole, tenths = divmod(round(seconds * 10), 10)
    rest, s = divmod(whole, 60)
    h, m = divmod(rest, 60)
    return f"{h}:{m:02}:{s:02}.{tenths}" if h else f"{m}:{s:02}.{tenths}"


def milliseconds(value: float | None) -> str:
    """Return a duration as people read it, such as `35 ms`."""
    return "-" if value is None else f"{value:.0f} ms"
