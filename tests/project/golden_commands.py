"""The command line, run in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

from longwatch.cli.main import run


def output(*args: str) -> str:
    """Return what a command prints.

    Raises:
        RuntimeError: it failed.
    """
    out = io.StringIO()
    with redirect_stdout(out):
        code = run(args)
    if code:
        raise RuntimeError(f"longwatch {' '.join(args)} ended with {code}")
    return out.getvalue()
