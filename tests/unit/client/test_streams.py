"""The laws of feeding one stream."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.client.streams import StreamStats
from longwatch.errors import ClosedError, FrameError
from longwatch.wire import Flags, Kind
from tests.support.client_peer import Peer, publish, talking


def stats(**fields: Any) -> dict[str, Any]:
    """Return the fields of a statistics event."""
    return {"stream": "cam1", "received": 0, "used": 0, "queue": 0, **fields}


async def test_a_picture_carries_its_stream_its_number_and_its_times() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        for n in range(3):
            await publisher.send(b"jpeg", n / 4, captured_at=1000.5)
            packet = await peer.packet()
            assert (packet.kind, packet.handle, packet.sequence) == (Kind.IMAGE, 7, n)
            assert (packet.pts_us, packet.captured_at_us) == (n * 250_000, 1_000_500_000)
            assert packet.payload == b"jpeg"
        assert publisher.sent == 3


async def test_encoded_video_marks_epochs_key_frames_and_jumps() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer, accepted={"format": "h264"})
        await publisher.send(b"a", 0.0, keyframe=True, epoch=True)
        first = await peer.packet()
        assert (first.kind, first.flags) == (Kind.EPOCH, Flags.KEYFRAME)
        await publisher.send(b"b", 9.0, discontinuity=True)
        second = await peer.packet()
        assert (second.kind, second.flags) == (Kind.CHUNK, Flags.DISCONTINUITY)


async def test_the_end_is_said_once_and_nothing_follows_it() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        await publisher.send(b"x", 0.0)
        await publisher.end()
        await publisher.end()
        assert (await peer.packet()).kind == Kind.IMAGE
        assert (await peer.packet()).kind == Kind.END
        with pytest.raises(ClosedError, match="was ended"):
            await publisher.send(b"y", 1.0)


async def test_a_payload_over_the_server_s_limit_is_never_sent() -> None:
    async with talking(max_message_bytes=100) as (client, peer):
        publisher = await publish(client, peer)
        await publisher.send(bytes(72), 0.0)
        with pytest.raises(FrameError, match="the server takes 72"):
            await publisher.send(bytes(73), 1.0)
        await publisher.send(b"z", 2.0)
        assert len((await peer.packet()).payload) == 72
        assert (await peer.packet()).payload == b"z"


@pytest.mark.parametrize("credit", [1, 2, 5])
async def test_no_more_messages_are_under_way_than_the_server_allows(credit: int) -> None:
    async with talking(max_inflight=credit) as (client, peer):
        publisher = await publish(client, peer)

        async def flood() -> None:
            for n in range(20):
                await publisher.send(b"x", float(n))

        flooding = asyncio.create_task(flood())
        taken = 0
        while taken < 20:
            for _ in range(min(credit, 20 - taken)):
                assert (await peer.packet()).sequence == taken
                taken += 1
            assert publisher.sent - taken <= 0  # nothing beyond the credit
            await peer.say("lw.stream.stats", **stats(received=taken, acked_seq=taken - 1))
        await asyncio.wait_for(flooding, 10)


async def test_waiting_for_credit_ends_when_the_connection_does() -> None:
    async with talking(max_inflight=1) as (client, peer):
        publisher = await publish(client, peer)
        await publisher.send(b"x", 0.0)
        waiting = asyncio.create_task(publisher.send(b"y", 1.0))
        await peer.packet()
        await peer.transport.aclose()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(waiting, 10)


async def drained(peer: Peer, publisher_task: asyncio.Task[StreamStats | None]) -> bool:
    """Return whether draining has ended, after all that was said has been heard."""
    await asyncio.sleep(0)
    await peer.say("lw.stream.state", stream="cam1", state="ended")
    for _ in range(20):
        await asyncio.sleep(0)
    return publisher_task.done()


async def test_draining_ends_when_all_was_taken_and_nothing_waits_any_more() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        await publisher.send(b"x", 0.0)
        draining = asyncio.create_task(publisher.drain())
        await peer.packet()
        assert (await peer.packet()).kind == Kind.END
        await peer.say("lw.stream.stats", **stats(received=1, acked_seq=0))
        assert not await drained(peer, draining)
        await peer.say("lw.stream.stats", **stats(received=1, acked_seq=1, queue=1))
        assert not await drained(peer, draining)
        await peer.say("lw.stream.stats", **stats(received=1, acked_seq=1))
        assert not await drained(peer, draining)
        await peer.say("lw.stream.stats", **stats(received=1, acked_seq=1, used=1))
        final = await asyncio.wait_for(draining, 10)
        assert final is not None
        assert final.used == 1


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"state": "ended", "reason": "discarded", "epoch": 1}, "discarded"),
        ({"state": "online", "reason": None, "epoch": 2}, "another publisher"),
    ],
)
async def test_draining_ends_when_the_stream_is_somebody_else_s_or_nobody_s(
    state: dict[str, Any], why: str
) -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer, epoch=1)
        draining = asyncio.create_task(publisher.drain())
        await peer.packet()
        await peer.say("lw.stream.state", stream="cam1", epoch=1, state="ended", reason=None)
        await peer.say("lw.stream.state", stream="cam1", **state)
        with pytest.raises(ClosedError, match=why):
            await asyncio.wait_for(draining, 10)


async def test_faults_of_a_stream_are_kept_with_it() -> None:
    async with talking() as (client, peer):
        publisher = await publish(client, peer)
        error = {"code": "frame_undecodable", "message": "broken", "lw": {"stream": "cam1"}}
        await peer.say("error", error=error)
        await peer.say("lw.stream.stats", **stats(received=1))
        await publisher.next_stats()
        assert [fault.code for fault in publisher.faults] == ["frame_undecodable"]


REASONS = ["busy", "rate", "late", "decode", "gate", "budget"]


@given(dropped=st.dictionaries(st.sampled_from(REASONS), st.integers(0)))
def test_what_is_left_out_on_purpose_is_not_lost(dropped: dict[str, int]) -> None:
    parsed = StreamStats.parse({"dropped": dropped})
    assert parsed.lost == sum(dropped.get(reason, 0) for reason in ("busy", "late", "decode"))
