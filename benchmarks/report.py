"""What all benchmarks share: their arguments, and the form of what they report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent
RESULTS = (":(exclude)benchmarks/results", ":(exclude)training/results")
WIDTH = 160  # characters of a line that goes into a file
UPRIGHT = 8  # figures of a row that fit beside each other


def parser(name: str, purpose: str) -> argparse.ArgumentParser:
    """Return the arguments of `python -m benchmarks.NAME`; a benchmark may add its own."""
    arguments = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=purpose)
    arguments.add_argument("--quick", action="store_true", help="finish within a minute")
    arguments.add_argument("--json", metavar="PATH|-", help="where the report goes; - is stdout")
    arguments.add_argument("--seed", type=int, default=0)
    return arguments


def publish(
    arguments: argparse.ArgumentParser,
    given: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    shown: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Show the rows and the summary to people, write the report as JSON, and return it.

    `given` is the command line that `arguments` parsed, without the program's name. The tables go
    to stderr where the JSON goes to stdout. People see the rows `shown` alone, where it is given.
    """
    options = arguments.parse_args(given)
    report = {
        "name": arguments.prog.rpartition(".")[2],
        "commit": commit(),
        "command": " ".join([arguments.prog, *given]),
        "machine": machine(),
        "seed": options.seed,
        "rows": list(rows),
        "summary": dict(summary),
    }
    console = Console(stderr=options.json == "-")
    if not console.is_terminal:
        console.width = WIDTH
    for group in _alike(rows if shown is None else shown):
        console.print(_table(group))
    for key, value in summary.items():
        console.print(f"{key}: {_cell(value)}", highlight=False)
    text = json.dumps(report, indent=1, allow_nan=False)
    if options.json == "-":
        sys.stdout.write(f"{text}\n")
    elif options.json:
        path = Path(options.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", "utf-8")
    return report


def commit() -> str:
    """Return the commit that is measured, with `-dirty` after it if tracked files differ.

    Reports do not count: one benchmark's does not change what the next one measures.
    """
    changed = ("status", "--porcelain", "--untracked-files=no", "--", ".", *RESULTS)
    try:
        return _git("rev-parse", "HEAD") + ("-dirty" if _git(*changed) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _alike(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the rows in groups of equal columns, one table each."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table with a line for each row, or a column where rows are few and long."""
    names = list(rows[0])
    if len(names) <= max(len(rows), UPRIGHT):
        table = Table(*names)
        for row in rows:
            table.add_row(*map(_cell, row.values()))
        return table
    table = Table(names[0], *(_cell(row[names[0]]) for row in rows))
    for name in names[1:]:
        table.add_row(name, *(_cell(row[name]) for row in rows))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_cell(of)}" for key, of in value.items())
    return ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)
