"""`longwatch watch-for` against the real service."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

from longwatch.cli.main import run
from longwatch.client import connect
from tests.integration.watches.test_runner import THING
from tests.unit.client.test_watches import DEADLINE, show

if TYPE_CHECKING:
    import pytest

    from tests.support.service import Live


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
