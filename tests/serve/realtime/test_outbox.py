"""Laws of the outbound queue."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.realtime.outbox import Outbox

ops = st.lists(st.tuples(st.sampled_from(["put", "a", "b"]), st.integers(0, 99)), max_size=30)


def deliver(steps: list[tuple[str, int]], limit: int = 10**6) -> list[dict[str, Any]]:
    """Queue everything before anything is sent; return what is sent."""
    sent: list[dict[str, Any]] = []

    async def send(text: str) -> None:
        sent.append(json.loads(text))

    async def main() -> None:
        outbox = Outbox(send, limit)
        for key, value in steps:
            event = {"type": key, "value": value}
            if key == "put":
                outbox.put(event)
            else:
                outbox.put_latest(key, event)
        writer = asyncio.create_task(outbox.run())
        await outbox.drained()
        writer.cancel()
        assert outbox.bytes == 0

    asyncio.run(main())
    return sent


@given(ops)
def test_events_keep_their_order_and_none_is_lost(steps: list[tuple[str, int]]) -> None:
    sent = [event["value"] for event in deliver(steps) if event["type"] == "put"]
    assert sent == [value for key, value in steps if key == "put"]


@given(ops)
def test_of_statistics_only_the_newest_is_sent(steps: list[tuple[str, int]]) -> None:
    sent = {event["type"]: event["value"] for event in deliver(steps) if event["type"] != "put"}
    assert sent == {key: value for key, value in steps if key != "put"}
    assert sum(event["type"] != "put" for event in deliver(steps)) == len(sent)


@given(st.integers(1, 50), st.integers(100, 1000))
def test_what_waits_never_exceeds_the_limit(count: int, limit: int) -> None:
    sent = deliver([("put", i) for i in range(count)], limit)
    size = sum(len(json.dumps({"type": "put", "value": i})) for i in range(count))
    if size > limit:
        assert [event["error"]["code"] for event in sent] == ["slow_consumer"]
        assert sent[0]["error"]["lw"]["fatal"] is True
    else:
        assert len(sent) == count


def test_after_an_overflow_nothing_more_is_taken() -> None:
    sent = deliver([("put", 1)] * 10 + [("a", 1), ("put", 2)], limit=100)
    assert [event["type"] for event in sent] == ["error"]
