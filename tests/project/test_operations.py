"""The page for whoever runs the service says what is true of the source."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.config import Settings
from longwatch.serve.realtime.messages import CODES
from longwatch.stream.pull.errors import SENTENCES
from tests.project.docs_settings import PAGE, table, written

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDERS = ("client", "models", "memory", "serve", "stream")
SOURCES = [
    *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")),
    *(ROOT / "src/longwatch").glob("*.py"),
]
ERRORS = PAGE.read_text().partition("## What an error says")[2]


def codes(path: Path) -> Iterator[str]:
    """Yield the codes that a file gives to errors: by keyword, or as its classes' own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield from (
                text for word in node.keywords if word.arg == "code" for text in texts(word.value)
            )
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
            yield from texts(node.value)


def texts(node: ast.expr) -> Iterator[str]:
    """Yield the strings that an expression may be, where it says them itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))


def test_every_code_of_the_source_is_on_the_page() -> None:
    found = {code for path in SOURCES for code in codes(path)}
    assert {"stream_not_found", "internal", "source_error", "slow_consumer"} <= found
    found |= set(CODES.values()) | set(SENTENCES)
    assert found - set(re.findall(r"`([a-z_]+)`", ERRORS)) == set()


def test_every_code_on_the_page_is_in_the_source() -> None:
    text = "".join(path.read_text() for path in SOURCES)
    first_cells = [line.split("|")[1] for line in ERRORS.splitlines() if line.startswith("| `")]
    named = {code for cell in first_cells for code in re.findall(r"`([a-z_]+)`", cell)}
    assert len(named) > 60
    assert {code for code in named if f'"{code}"' not in text} == set()


def test_the_table_of_settings_is_that_of_the_settings() -> None:
    page = PAGE.read_text()
    assert written(page) == page, "run: python -m tests.project.docs_settings"
    assert table() in page
    assert all(f"| `{name}` |" in page for name in Settings.model_fields)


def test_what_is_named_as_a_setting_is_one() -> None:
    """In the prose, not in the tables of reasons, metrics and codes."""
    named = set(re.findall(r"LONGWATCH_([A-Z_]+)", PAGE.read_text()))
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG", "API_KEY", "URL"}
    assert named <= known


@pytest.mark.parametrize("link", re.findall(r"\]\(([\w./-]+)\)", PAGE.read_text()))
def test_links_lead_somewhere(link: str) -> None:
    assert (PAGE.parent / link).exists()


def test_files_that_are_named_are_there() -> None:
    named = set(re.findall(r"`((?:deploy|benchmarks)/[\w./-]+)`", PAGE.read_text()))
    assert len(named) >= 4
    assert all((ROOT / name).exists() for name in named)
