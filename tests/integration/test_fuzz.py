"""Two thousand messages that no client should send, on connections that feed and ask."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import websockets
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from longwatch.serve.realtime.messages import CLIENT_EVENTS
from longwatch.wire import HEADER, Kind, Packet
from tests.longrun.fuzz import fuzz
from tests.support import peer as p
from tests.support.media import still

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from tests.support.service import Live

EXAMPLES, BATCH = 100, 20  # connections, and messages on each: 2,000 in all
LARGEST = 4 << 20  # bytes of a message that the service reads
CLOSES = {1003, 1007, 1009, 4400}  # the documented ways in which a message ends a connection
SCHEMAS = CLIENT_EVENTS.json_schema()["$defs"]
TYPES = sorted(CLIENT_EVENTS.json_schema()["discriminator"]["mapping"])
FIELDS = sorted({field for schema in SCHEMAS.values() for field in schema.get("properties", {})})
STREAM = "fuzz"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([STREAM, "now", "auto", "none", "inf", "push", "message", "user", "h264"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)
near_events = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from([*TYPES, "input_audio_buffer.append", "lw.watch.create", "", "\ud800"]),
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=6),
)
questions = st.builds(
    lambda lw, fields: {
        "type": "response.create",
        "response": {"input": [p.message("?")], "max_output_tokens": 2, "lw": lw, **fields},
    },
    st.dictionaries(st.sampled_from(["streams", "as_of", "stop", "seed", "top_p"]), values),
    st.dictionaries(st.sampled_from(["metadata", "conversation", "temperature"]), values),
)
packets = st.builds(
    lambda kind, handle, pts, payload, cut: Packet(kind, handle, 0, pts, payload).encode()[:cut],
    st.sampled_from(Kind),
    st.sampled_from([1, 1, 1, 0, 2**32 - 1]),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=400) | st.just(still(1)) | st.just(still(2)[:200]),
    st.integers(1, HEADER.size) | st.none(),
)
messages: SearchStrategy[Any] = st.one_of(
    near_events,
    near_events,
    questions,
    values,
    packets,
    packets,
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda b: b"\xff\xd8\xff" + b),  # looks like a JPEG
    st.text(max_size=50),  # hardly ever JSON
    st.sampled_from(["[" * 50_000, "1" * 5_000, '{"a":' * 2_000, "x" * (LARGEST + 1), "", b""]),
)


@pytest.mark.slow
def test_no_message_kills_the_service_or_another_session(tiny: Live) -> None:
    """Each is taken, answered by an error object, or ends its own connection as documented."""
    sent = 0

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(messages, min_size=BATCH, max_size=BATCH),
        st.sampled_from([None, "image", "h264", "mp4", "webm", "mpegts", "hevc"]),
    )
    def batch(batch: list[Any], form: str | None) -> None:
        nonlocal sent
        sent += len(batch)
        loop.run_until_complete(attack(tiny, batch, form))
        loop.run_until_complete(still_well(tiny, bystander))

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        bystander = loop.run_until_complete(begin(tiny))
        batch()
        loop.run_until_complete(bystander.socket.close())
    assert sent >= EXAMPLES * BATCH


async def begin(live: Live) -> p.Peer:
    """Open a connection of somebody who means well and wants to notice nothing."""
    address = f"{live.url.replace('http', 'ws', 1)}/v1/realtime"
    peer = p.Peer(await websockets.connect(address, max_size=None))
    await peer.feed("bystander")
    return peer


async def still_well(live: Live, peer: p.Peer) -> None:
    """Check that the other session is there and gets answers."""
    events = await peer.ask(lw={"streams": ["bystander"]}, tokens=2)
    assert events[-1]["response"]["status"] == "incomplete"
    assert live.engine.alive


async def attack(live: Live, batch: list[Any], form: str | None) -> None:
    """Send all of it, on as many connections as it takes."""
    while batch:
        async with p.connect(live.url) as peer:
            if form is not None:
                await peer.open(STREAM, form)
            batch = await send_all(peer, batch)
            if form is not None and peer.socket.close_code is None:
                await peer.send({"type": "lw.stream.close", "stream": STREAM})
                await peer.ping()


async def send_all(peer: p.Peer, batch: list[Any]) -> list[Any]:
    """Send messages one by one; return those after one that ended the connection."""
    for i, message in enumerate(batch):
        data = message if isinstance(message, str | bytes) else json.dumps(message)
        marker = {"type": "lw.ping", "t": f"after {i}"}
        try:
            await peer.send(data)
            await peer.send(marker)
            await settled(peer, marker["t"], data)
        except websockets.ConnectionClosed:
            # Who still sends when the service closes may lose the reason: TCP resets.
            lost = {1006} if len(data) > LARGEST else set()
            assert await peer.closed() in CLOSES | lost
            return batch[i + 1 :]
    return []


async def settled(peer: p.Peer, marker: str, data: str | bytes) -> None:
    """Read until the marker comes back; a message that is no event must have got an error."""
    errors = []
    while (event := await peer.receive())["type"] != "lw.pong" or event["t"] != marker:
        if event["type"] == "error":
            errors.append(event["error"])
    assert all(error["code"] != "internal" for error in errors), (data, errors)
    if isinstance(data, str) and not is_event(data):
        assert errors, data


def is_event(data: str) -> bool:
    """Tell whether a message is at least an object with a type that exists."""
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(loaded, dict) and loaded.get("type") in TYPES


def test_what_is_damaged_is_taken_or_refused_in_every_format() -> None:
    """For a moment; `python -m tests.longrun.fuzz MINUTES` goes on for as long as is asked."""
    told = fuzz(2.0, seed=1)
    assert told.failures == []
    assert told.cases["wire"] >= 50
    assert told.cases.keys() >= {"wire", "image"}
