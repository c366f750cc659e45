"""The code in docs/extending.md runs, and what it adds works."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch

from longwatch import compressors, memory, retrieval
from longwatch.memory.memory import Memory
from tests.memory import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
PIECES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


TABLES: list[dict[str, Any]] = [memory.POLICIES, retrieval.SCORERS, retrieval.RETRIEVERS]


@pytest.fixture
def page() -> Iterator[dict[str, Any]]:
    """Run all pieces, one after another; return what they define."""
    before = [dict(table) for table in TABLES]
    names: dict[str, Any] = {"__name__": "extending"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "extending", ModuleType("extending"))  # dataclasses look there
        for piece in PIECES:
            exec(piece, names)
        yield names
    for table, items in zip(TABLES, before, strict=True):
        table.clear()
        table.update(items)


def test_a_policy_keeps_what_it_says(page: dict[str, Any]) -> None:
    decoder = tiny.decoder()
    kept = Memory(memory.POLICIES["everyother"](), decoder.rope)
    for i, clip in enumerate(tiny.frames(6, 3)):
        tiny.read(decoder, kept, clip, float(i), 64)
    assert kept.snapshot().times == [0.0, 2.0, 4.0, 5.0]


def test_a_scorer_gives_vectors_that_a_retriever_takes(page: dict[str, Any]) -> None:
    keys = torch.randn(2, 5, 4)
    vectors = page["FirstKey"]().vectors(keys)
    index = retrieval.RETRIEVERS["mine"](8)
    index.add([3], vectors[None])
    assert index.search(keys[:, 0].reshape(1, -1), 1).ids == (3,)
    assert page["recalling"].scorer == page["FirstKey"]()


def test_every_table_that_can_be_added_to_is_named() -> None:
    text = PAGE.read_text("utf-8")
    for module in (compressors, memory, retrieval):
        tables = [name for name in module.__all__ if name.isupper()]
        assert tables
        assert all(f"`{name}`" in text for name in tables)


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", PAGE.read_text("utf-8")))
    assert len(named) > 8
    missing = {name for name in named if not (PAGE.parents[1] / name).exists()}
    assert missing == {"compressors/changed.py", "tests/compressors/test_changed.py"}  # made up
