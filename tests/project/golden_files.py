"""The files of the golden baseline: reading, writing, and a difference that people can read."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("golden")
RECORD = "python -m tests.project.record_golden"
LINES = 80  # of a difference, the first


def load(name: str) -> str:
    """Return the text of a golden file."""
    return (FOLDER / name).read_text(encoding="utf-8")


def save(name: str, text: str) -> None:
    """Replace a golden file."""
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def as_text(value: Any) -> str:
    """Return a value as JSON that shows well in a difference; text stays as it is."""
    if isinstance(value, str):
        return value.rstrip("\n") + "\n"
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def difference(name: str, expected: str, found: str) -> str | None:
    """Return what has changed, and what to do about it; None where nothing has."""
    if expected == found:
        return None
    lines = list(
        difflib.unified_diff(
            expected.splitlines(), found.splitlines(), f"golden/{name}", "now", lineterm="", n=2
        )
    )
    more = len(lines) - LINES
    file = "data" if name.startswith("data-") else name.removesuffix(".json")
    shown = "\n".join(lines[:LINES]) + (f"\n... and {more} lines more" if more > 0 else "")
    return (
        f"{shown}\n\nWhat users see is not what golden/{name} holds. If that is on purpose, record "
        f"it anew with `{RECORD} {file}`, read the difference in git, and say in the changelog "
        "what changes; otherwise correct the code."
    )
