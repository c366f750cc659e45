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
        outbox = Outbox(limit, kept=10**6)
        for key, value in steps:
            event = {"type": key, "value": value}
            if key == "put":
                outbox.put(event)
            else:
                outbox.put_latest(key, event)
        writer = asyncio.create_task(outbox.run(send))
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
    size = sum(
        len(json.dumps({"type": "put", "value": i, "event_id": f"evt_{i + 1}"}))
        for i in range(count)
    )
    if size > limit:
        assert [event["error"]["code"] for event in sent] == ["slow_consumer"]
        assert sent[0]["error"]["lw"]["fatal"] is True
    else:
        assert len(sent) == count


def test_after_an_overflow_nothing_more_is_taken() -> None:
    sent = deliver([("put", 1)] * 10 + [("a", 1), ("put", 2)], limit=100)
    assert [event["type"] for event in sent] == ["error"]


def take(outbox: Outbox) -> list[dict[str, Any]]:
    """Return all that waits."""
    sent: list[dict[str, Any]] = []

    async def send(text: str) -> None:
        sent.append(json.loads(text))

    async def main() -> None:
        writer = asyncio.create_task(outbox.run(send))
        await asyncio.sleep(0)
        await outbox.drained()
        writer.cancel()

    asyncio.run(main())
    return sent


@given(ops, st.integers(0, 40), st.booleans())
def test_a_replay_is_what_came_after_the_event_named(
    steps: list[tuple[str, int]], after: int, detached: bool
) -> None:
    outbox = Outbox(10**6, kept=10**6)
    if detached:
        outbox.detach()
    for key, value in steps:
        event = {"type": key, "value": value}
        outbox.put(event) if key == "put" else outbox.put_latest(key, event)
    numbers = [event["event_id"] for event in take(outbox)]
    assert numbers == sorted(numbers, key=lambda number: int(number[4:]))
    assert outbox.resume(after, {"type": "hello"}) is (after <= outbox.last)
    if after <= outbox.last:
        greeting, *missed = take(outbox)
        assert greeting == {"type": "hello"}
        count = sum(key == "put" for key, _ in steps)
        events = [event for event in missed if event["type"] == "put"]
        assert [event["value"] for event in events] == [v for k, v in steps if k == "put"][
            count - len(events) :
        ]
        assert all(int(event["event_id"][4:]) > after for event in missed)
        assert not [event for event in missed if event["type"] != "put"]


def test_what_is_kept_no_more_cannot_be_replayed() -> None:
    outbox = Outbox(10**6, kept=200)
    for value in range(20):
        outbox.put({"type": "put", "value": value})
    assert outbox.kept <= 200
    assert not outbox.resume(0, {"type": "hello"})
    assert not outbox.resume(outbox.last + 1, {"type": "hello"})
    assert outbox.resume(outbox.last - 1, {"type": "hello"})
    assert [event.get("value") for event in take(outbox)] == [None, 19]


def test_a_client_given_up_can_have_what_it_did_not_read() -> None:
    outbox = Outbox(200, kept=10**6)
    for value in range(20):
        outbox.put({"type": "put", "value": value})
    assert outbox.overflowed.is_set()
    outbox.detach()
    assert outbox.resume(0, {"type": "hello"})
    outbox.put({"type": "put", "value": 20})  # a long replay is no reason to give it up again
    assert [event.get("value") for event in take(outbox)] == [None, *range(21)]
    assert not outbox.overflowed.is_set()
