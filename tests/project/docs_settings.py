"""The table of settings in docs/operations.md, from the settings themselves.

python -m tests.project.docs_settings
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.serve.config import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = Path(__file__).parents[2] / "docs/operations.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->"


def table() -> str:
    """Return it as Markdown, by name."""
    fields = sorted(Settings.model_fields.items())
    lines = [f"| `{name}` | {_default(field)} | {field.description} |" for name, field in fields]
    return "\n".join(["| setting | default | |", "|---|---|---|", *lines]) + "\n"


def written(page: str) -> str:
    """Return `page` with the table in its place."""
    return re.sub(f"(?s){BEGIN}.*?{END}", lambda _: BEGIN + table() + END, page)


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value in ("", ()) else f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
