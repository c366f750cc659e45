"""How an answer looks to a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live


SEQUENCE = [
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]


async def test_an_answer_is_the_full_sequence_of_events(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        events = await peer.ask(tokens=8, metadata={"mine": "1"}, lw={"streams": [name]})
    kinds = [event["type"] for event in events]
    assert list(dict.fromkeys(kinds)) == SEQUENCE
    assert kinds.count("response.output_text.delta") > 1
    done = events[-1]["response"]
    text = p.text_of(events)
    assert text == done["output"][0]["content"][0]["text"] == events[-4]["text"]
    assert (done["status"], done["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
    assert done["metadata"] == {"mine": "1"}
    assert done["conversation_id"] is None
    assert done["usage"]["output_tokens"] == 8
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + 8
    assert done["usage"]["input_token_details"]["cached_tokens"] > 0
    assert done["lw"]["as_of"] == {name: 1_000_000}
    assert list(done["lw"]["timing"]) == ["queue_ms", "prefill_ms", "ttft_ms", "total_ms"]
    assert all(value >= 0 for value in done["lw"]["timing"].values())
    ids = {e.get("response_id") or e["response"]["id"] for e in events}
    assert ids == {done["id"]}
    assert len({event["event_id"] for event in events}) == len(events)


async def test_an_answer_sees_exactly_the_frames_up_to_its_moment(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.feed(name, 3)
        before = await peer.ask()
        await peer.push(handle, range(3, 6))
        now = await peer.ask()
        then = await peer.ask(lw={"as_of": 1_000_000})
        late = await peer.ask(lw={"as_of": 10**12})
    assert before[0]["response"]["lw"]["as_of"] == {name: 1_000_000}
    assert now[0]["response"]["lw"]["as_of"] == {name: 2_500_000}
    assert p.text_of(then) == p.text_of(before) != p.text_of(now) == p.text_of(late)
    assert then[-1]["response"]["lw"]["as_of"] == {name: 1_000_000}
