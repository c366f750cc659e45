"""How sessions outlive their connections, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from longwatch.serve import server
from longwatch.serve.realtime import connection
from longwatch.wire import Kind, Packet
from tests.support import peer as p
from tests.support.media import still
from tests.support.relay import relaying
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from tests.support.service import Live

TOKENS = 150  # of an answer that is cut in its middle


def kept(events: list[p.Event]) -> list[p.Event]:
    """Return the events that are replayed: all but statistics."""
    return [event for event in events if event["type"] != "lw.stream.stats"]


async def begun(peer: p.Peer, tokens: int = TOKENS) -> list[p.Event]:
    """Ask, and return the events up to the third piece of the answer."""
    await peer.send(p.create(tokens=tokens))
    events = [await peer.until("response.created")]
    while sum(event["type"].endswith(".delta") for event in events) < 3:
        events.append(await peer.receive())
    return kept(events)


async def rest(peer: p.Peer) -> list[p.Event]:
    """Return the events up to the answer's end."""
    events = [await peer.receive()]
    while events[-1]["type"] != "response.done":
        events.append(await peer.receive())
    return kept(events)


@pytest.mark.parametrize("pause", [0.0, 0.3])
async def test_an_answer_goes_on_while_nobody_listens_and_is_replayed_in_order(
    tiny: Live, name: str, pause: float
) -> None:
    async with p.connect(tiny.url) as whole:
        await whole.feed(name)
        wanted = p.text_of(await whole.ask(tokens=TOKENS))
        await whole.send({"type": "lw.stream.close", "stream": name})
        await whole.ping()
    async with p.connect(tiny.url, f"?stream={name}") as cut:
        before = await begun(cut)
        cut.cut()
        await asyncio.sleep(pause)
        async with p.connect(tiny.url, p.resuming(cut)) as back:
            assert back.greeting["type"] == "lw.session.resume"
            assert back.greeting["token"] == cut.session["lw"]["resume"]["token"]
            after = await rest(back)
            numbers = [int(event["event_id"][4:]) for event in before + after]
            assert numbers == sorted(set(numbers))
            assert p.text_of(before + after) == wanted
            assert p.text_of(await back.ask(tokens=TOKENS)) == wanted  # its streams are there still


async def test_a_half_open_connection_does_not_keep_its_client_out(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as whole, relaying(tiny.url) as relay:
        await whole.feed(name)
        wanted = p.text_of(await whole.ask(tokens=TOKENS))
        async with p.connect(relay.url, f"?stream={name}") as cut:
            before = await begun(cut)
            relay.stall()  # nobody is told that nothing comes through any more
            async with p.connect(tiny.url, p.resuming(cut)) as back:
                assert p.text_of(before + await rest(back)) == wanted
            relay.cut()


async def test_of_two_that_resume_one_wins_and_the_old_socket_is_told(
    tiny: Live, name: str
) -> None:
    async with p.connect(tiny.url) as first:
        await first.feed(name)
        async with p.connect(tiny.url, p.resuming(first)) as second:
            assert (await first.until("error"))["error"]["code"] == "session_taken"
            assert await first.closed() == 4409
            both = [p.connect(tiny.url, p.resuming(first)) for _ in range(2)]
            async with both[0] as third, both[1] as fourth:
                assert await second.closed() == await third.closed() == 4409
                await fourth.ping()
        async with p.connect(tiny.url, p.resuming(first)) as gone:  # the fourth left in order
            assert gone.greeting["type"] == "session.created"
            assert (await gone.receive())["error"]["code"] == "resume_expired"


@pytest.mark.parametrize(
    "query",
    ["?resume=nothing", "?resume={}&after=evt_99", "?resume={}&after=x", "?resume={}&after="],
)
async def test_who_cannot_be_resumed_is_told_in_a_new_session(tiny: Live, query: str) -> None:
    async with p.connect(tiny.url) as peer:
        token = peer.session["lw"]["resume"]["token"]
        async with p.connect(tiny.url, query.format(token)) as fresh:
            assert fresh.session["id"] != peer.session["id"]
            error = (await fresh.receive())["error"]
            assert (error["code"], error["lw"]["fatal"]) == ("resume_expired", False)
            await fresh.ping()


async def test_nobody_waits_for_ever_and_the_answers_of_the_gone_are_cancelled(name: str) -> None:
    with serve(TinyVideoLM(), resume_seconds=0.1) as live:
        async with p.connect(live.url) as feeder:
            await feeder.feed(name)
            gone = await _leave_asking(live, name)
            await _running(live, 0)
            async with p.connect(live.url, gone) as fresh:
                assert fresh.greeting["type"] == "session.created"


async def test_of_too_many_that_wait_the_one_that_waits_longest_is_ended(name: str) -> None:
    with serve(TinyVideoLM(), max_detached=1) as live:
        async with p.connect(live.url) as feeder:
            await feeder.feed(name)
            gone = [await _leave_asking(live, name) for _ in range(2)]
            await _running(live, 1)
            async with httpx.AsyncClient(base_url=live.url) as http:
                assert "longwatch_sessions_detached 1.0" in (await http.get("/metrics")).text
            kinds = ("session.created", "lw.session.resume")
            for query, kind in zip(gone, kinds, strict=True):
                async with p.connect(live.url, query) as back:
                    assert back.greeting["type"] == kind


async def _running(live: Live, count: int) -> None:
    """Wait until so many answers are under way."""
    async with httpx.AsyncClient(base_url=live.url) as http, asyncio.timeout(p.DEADLINE):
        wanted = f"longwatch_requests_running {count}.0"
        while wanted not in (await http.get("/metrics")).text:  # noqa: ASYNC110 - a scrape is a poll
            await asyncio.sleep(0.05)


async def _leave_asking(live: Live, name: str) -> str:
    """Break off in the middle of an answer; return the query that would take it up."""
    async with p.connect(live.url, f"?stream={name}") as peer:
        await begun(peer, p.LONG)
        peer.cut()
        return p.resuming(peer)


async def test_what_is_kept_of_a_session_is_bounded(name: str) -> None:
    with serve(TinyVideoLM(), resume_bytes=2000) as live:
        async with p.connect(live.url) as feeder:
            await feeder.feed(name)
            async with p.connect(live.url, f"?stream={name}") as peer:
                first = peer.last
                await peer.ask(tokens=40)
                peer.cut()
            async with p.connect(live.url, p.resuming(peer, first)) as fresh:
                assert (await fresh.until("error"))["error"]["code"] == "resume_expired"


async def test_a_slow_consumer_comes_back_and_has_missed_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PARTING_SECONDS", 0.1)
    monkeypatch.setattr(server, "ABORT_SECONDS", 0.1)
    with serve(TinyVideoLM(), send_queue_bytes=20_000) as live:
        silent = p.connect(live.url, max_queue=1, ping_interval=None, close_timeout=None)
        async with p.connect(live.url) as good, silent as lazy:
            await good.feed(name)
            first = lazy.last
            count = await flood(lazy)
            assert (await good.ask())[-1]["response"]["status"] == "incomplete"
            async with p.connect(live.url, p.resuming(lazy, first)) as back:
                told = 0
                await back.send({"type": "lw.ping", "t": "last"})
                while (pong := await back.until("lw.pong"))["t"] != "last":
                    assert pong["event_id"] == f"evt_{2 + told}"
                    told += 1
                assert 0 < told <= count


async def flood(peer: p.Peer) -> int:
    """Send until the server hangs up, and never read what comes back; return how often."""
    count = 0
    with suppress(ConnectionClosed):
        while True:
            await peer.send({"type": "lw.ping", "t": "x" * 60})
            count += 1
    return count


async def test_a_publisher_that_comes_back_goes_on_after_what_arrived(
    tiny: Live, name: str
) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 3)
        peer.cut()
        async with p.connect(tiny.url, p.resuming(peer)) as back:
            state = await back.until("lw.stream.state")
            assert (state["state"], state["reason"]) == ("offline", "publisher_left")
            source = {"kind": "push", "format": "image", "fps": None}
            await back.send({"type": "lw.stream.open", "stream": name, "source": source})
            opened = await back.until("lw.stream.opened")
            assert (opened["acked_seq"], opened["epoch"]) == (2, 2)
            await back.send(p.image(opened["handle"], 20, 3))
            while (stats := await back.until("lw.stream.stats"))["used"] < 4:
                pass
            assert stats["acked_seq"] == 3


async def test_a_gap_in_the_sequence_is_told_and_the_message_taken(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        for sequence in (2**32 - 2, 2**32 - 1, 0, 5, 6):
            await peer.send(Packet(Kind.IMAGE, handle, sequence, 0, still(sequence % 7)).encode())
        error = (await peer.until("error"))["error"]
        assert (error["code"], error["lw"]["stream"]) == ("sequence_gap", name)
        assert " 0 " in error["message"]
        await peer.send({"type": "lw.ping", "t": "sync"})
        while (event := await peer.receive())["type"] != "lw.pong":
            assert event["type"] != "error"
        assert (await peer.until("lw.stream.stats", acked_seq=6))["received"] == 5
