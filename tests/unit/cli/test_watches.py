"""`longwatch watches` against the real service."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from longwatch.cli.main import run
from longwatch.client import connect

if TYPE_CHECKING:
    import pytest

    from tests.support.service import Live


def test_watches_are_listed_and_deleted(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    async def make() -> str:
        async with connect(live.url) as client:
            return (await client.watch_for("a violin", stream="none-*")).id

    watch = asyncio.run(make())
    assert run(["watches", "list", "--url", live.url]) == 0
    assert "a violin" in capsys.readouterr().out
    assert run(["watches", "delete", watch, "--url", live.url]) == 0
    assert run(["watches", "list", "--json", "--url", live.url]) == 0
    assert watch not in [
        one["id"] for one in json.loads(capsys.readouterr().out.partition("\n")[2])
    ]
    assert run(["watches", "delete", watch, "--url", live.url]) != 0
