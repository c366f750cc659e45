"""The laws of a client, with a test as its server."""

from __future__ import annotations

import asyncio
import random

import pytest

from longwatch.errors import ClosedError, InputError, ServerError
from tests.support.client_peer import ask, publish, talking


async def test_every_answer_gets_its_own_pieces_in_their_order() -> None:
    rng = random.Random(0)
    async with talking() as (client, peer):
        answers = {f"r{i}": await ask(client, peer, f"r{i}") for i in range(8)}
        said = [(name, f"{name}:{k} ") for name in answers for k in range(20)]
        order = sorted(said, key=lambda _: rng.random())
        order.sort(key=lambda entry: int(entry[1].split(":")[1]) // 5)  # shuffled, but in fives
        expected: dict[str, str] = dict.fromkeys(answers, "")
        for name, text in order:
            expected[name] += text
            await peer.piece(name, text)
        for name in answers:
            await peer.done(name)
        assert {name: await answer.read() for name, answer in answers.items()} == expected


async def test_answers_that_begin_in_another_order_than_they_were_asked_are_not_mixed_up() -> None:
    async with talking() as (client, peer):
        first = asyncio.create_task(client.ask("one", stream="cam1"))
        second = asyncio.create_task(client.ask("two", stream="cam1"))
        asked = [await peer.heard(), await peer.heard()]
        for question in reversed(asked):
            await peer.begin(question, question["response"]["input"][0]["content"][0]["text"])
        assert (await first).id == "one"
        assert (await second).id == "two"


async def test_a_question_travels_with_all_that_it_was_given() -> None:
    async with talking() as (client, peer):
        asking = asyncio.create_task(
            client.ask("what?", stream="cam1", as_of=1.5, max_tokens=9, temperature=0.5, stop=["."])
        )
        event = await peer.heard()
        assert event["type"] == "response.create"
        assert event["response"]["max_output_tokens"] == 9
        assert event["response"]["conversation"] == "none"
        assert event["response"]["lw"] == {
            "as_of": 1_500_000,
            "streams": ["cam1"],
            "temperature": 0.5,
            "stop": ["."],
        }
        await peer.begin(event, "r1", as_of=1_250_000)
        assert (await asking).as_of == 1.25


async def test_a_range_travels_in_microseconds() -> None:
    async with talking() as (client, peer):
        asking = asyncio.create_task(client.ask("what?", between=(1.5, 2)))
        event = await peer.heard()
        assert event["response"]["lw"]["range"] == {"from": 1_500_000, "to": 2_000_000}
        await peer.begin(event, "r1")
        await asking
        for between in ((2.0, 1.0), (-1.0, 2.0), (0.0, float("nan"))):
            with pytest.raises(InputError):
                await client.ask("what?", between=between)


@pytest.mark.parametrize("as_of", [float("nan"), float("inf"), -1.0, 1e300])
async def test_a_moment_that_no_stream_has_is_refused_here(as_of: float) -> None:
    async with talking() as (client, _):
        with pytest.raises(InputError, match="moment"):
            await client.ask("what?", as_of=as_of)


async def test_a_question_of_the_conversation_is_put_into_it_first() -> None:
    async with talking() as (client, peer):
        asking = asyncio.create_task(client.ask("and then?", conversation="auto"))
        item = await peer.heard()
        assert item["type"] == "conversation.item.create"
        await peer.say("conversation.item.added", item=item["item"])
        await peer.say("conversation.item.done", item=item["item"])
        event = await peer.heard()
        assert "input" not in event["response"]
        await peer.begin(event, "r1")
        await asking


async def test_a_refused_question_raises_the_server_s_own_code() -> None:
    async with talking() as (client, peer):
        asking = asyncio.create_task(client.ask("what?", stream="nowhere"))
        event = await peer.heard()
        error = {
            "type": "not_found_error",
            "code": "stream_not_found",
            "message": "no",
            "event_id": event["event_id"],
        }
        await peer.say("error", error=error)
        with pytest.raises(ServerError, match="no") as caught:
            await asking
        assert (caught.value.code, caught.value.kind) == ("stream_not_found", "not_found_error")


async def test_an_error_reaches_its_own_request_only() -> None:
    async with talking() as (client, peer):
        running = await ask(client, peer, "r1")
        refused = asyncio.create_task(client.ask("two"))
        event = await peer.heard()
        await peer.say("error", error={"code": "x", "message": "m", "event_id": event["event_id"]})
        with pytest.raises(ServerError):
            await refused
        await peer.piece("r1", "still here")
        await peer.done("r1")
        assert await running.read() == "still here"


async def test_a_lost_connection_ends_everything_that_waits() -> None:
    async with talking() as (client, peer):
        answer = await ask(client, peer, "r1")
        publisher = await publish(client, peer)
        waiting = asyncio.create_task(client.ask("two"))
        statistics = asyncio.create_task(publisher.next_stats())
        await peer.heard()
        await peer.piece("r1", "half an")
        await peer.transport.aclose()
        for lost in (waiting, statistics):
            with pytest.raises(ClosedError):
                await asyncio.wait_for(lost, 10)
        with pytest.raises(ClosedError):
            await answer.read()
        assert (answer.text, answer.status) == ("half an", "failed")
        with pytest.raises(ClosedError):
            await publisher.send(b"x", 0.0)
        with pytest.raises(ClosedError):
            await client.ask("three")
        assert client.closed


async def test_events_that_nobody_knows_are_ignored() -> None:
    async with talking() as (client, peer):
        await peer.say("lw.memory.segment", stream="cam1")
        await peer.say("something.new", anything=[1, 2])
        await peer.piece("somebody else's", "text")
        await peer.done("somebody else's")
        answer = await ask(client, peer, "r1")
        await peer.done("r1")
        assert await answer.read() == ""


async def test_ping_measures_the_clock_of_the_server() -> None:
    async with talking() as (client, peer):
        pinging = asyncio.create_task(client.ping())
        sent = (await peer.heard())["t"]
        await peer.say("lw.pong", t=sent, server_time=sent + 100)
        assert 0 <= await pinging < 10
        assert 90 < client.clock_offset <= 100


async def test_closing_again_does_nothing() -> None:
    async with talking() as (client, _):
        await client.aclose()
        await client.aclose()
        assert client.closed
