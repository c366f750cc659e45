"""The blocking client against the real service."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.client.media import jpeg
from longwatch.client.sync import connect
from longwatch.errors import ClosedError, ServerError

if TYPE_CHECKING:
    from tests.support.service import Live


def test_feeding_and_asking_block_until_they_are_done(live: Live, stream: str) -> None:
    image = jpeg(np.zeros((16, 16, 3), np.uint8))
    with connect(live.url) as client:
        with client.open_stream(stream, fps=4.0, policy={"on_full": "block"}) as publisher:
            for n in range(3):
                publisher.send(image, n / 4)
        assert publisher.stats is not None
        assert publisher.stats.used == 3
        answer = client.ask("what?", stream=stream, max_tokens=5)
        assert answer.as_of == 0.5
        assert "".join(answer) == answer.text == answer.read()
        assert answer.status in {"completed", "incomplete"}
        assert client.ping() > 0
        assert stream in [listed["stream"] for listed in client.streams()]
        long = client.ask("what?", stream=stream, max_tokens=4000)
        long.cancel()
        long.read()
        assert long.status == "cancelled"
        client.close_stream(stream, discard_memory=True)
        with pytest.raises(ServerError, match=stream):
            client.ask("what?", stream=stream)


def test_a_client_that_is_not_open_says_so(live: Live) -> None:
    client = connect(live.url)
    with pytest.raises(ClosedError, match="with"):
        client.ping()
    with client:
        client.ping()
    client.close()
    with pytest.raises(ClosedError):
        client.ping()


def test_a_failed_connection_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with pytest.raises(ClosedError, match="longwatch serve"), connect("http://127.0.0.1:1"):
        pass
    assert threading.active_count() == before
