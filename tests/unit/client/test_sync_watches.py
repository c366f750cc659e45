"""Watches by the blocking client, with the real service."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from longwatch.client import Firing, sync
from longwatch.models.loader import load_model
from tests.integration.watches.test_runner import QUICK, THING
from tests.support.service import serve
from tests.unit.client.test_watches import DEADLINE, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live


@pytest.fixture(scope="module")
def seeing() -> Iterator[Live]:
    """Serve the bundled model, which knows what it sees."""
    with serve(load_model("bundled")) as running:
        yield running


def test_a_program_without_a_loop_waits_for_firings(seeing: Live, stream: str) -> None:
    with sync.connect(seeing.url) as client:
        hits = list[Firing]()
        with client.watch_for(f"a {THING}", stream=stream, once=True, **QUICK) as watch:
            assert isinstance(watch, sync.Watch)
            assert watch.state == "armed"
            waiting = threading.Thread(target=lambda: hits.extend(watch))
            waiting.start()
            client.run(show(client.asynchronous, stream, THING))
            waiting.join(DEADLINE)
        assert [hit.watch for hit in hits] == [watch.id]
        assert watch.id not in [one["id"] for one in client.watches()]
