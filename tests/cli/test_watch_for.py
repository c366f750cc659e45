"""`longwatch watch-for` and `longwatch watches` against the real service."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

from longwatch.cli.main import run
from longwatch.client import connect
from tests.client.test_watches import DEADLINE, show
from tests.serve.watches.test_watching import THING

if TYPE_CHECKING:
    import pytest

    from tests.serve.conftest import Live


def test_what_comes_true_is_printed_as_it_does(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "watched-for"
    flags = ["--stream", name, "--once", "--hold", "0", "--json", "--url", live.url]
    codes = list[int]()
    watching = threading.Thread(
        target=lambda: codes.append(run(["watch-for", f"a {THING}", *flags]))
    )
    watching.start()

    async def feed() -> None:
        async with connect(live.url) as client:
            while not any(name in watch["streams"] for watch in await client.watches()):
                pass
            await show(client, name, THING)

    asyncio.run(feed())
    watching.join(DEADLINE)
    assert codes == [0]
    out = capsys.readouterr().out
    fired = json.loads(out)
    assert (fired["stream"], fired["text"]) == (name, f"a {THING}")


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
