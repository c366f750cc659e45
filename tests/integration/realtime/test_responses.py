"""Several answers, several sessions, and answers that are not wanted any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_the_conversation_keeps_turns_for_the_next_question(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        counts, added = [], {}
        for question in ("first", "second"):
            await peer.send({"type": "conversation.item.create", "item": p.message(question)})
            added = await peer.until("conversation.item.added")
            assert (await peer.until("conversation.item.done"))["item"] == added["item"]
            await peer.send({"type": "response.create", "response": {"max_output_tokens": 5}})
            events = await peer.answer()
            assert "conversation.item.added" in [e["type"] for e in events]
            assert events[-1]["response"]["conversation_id"]
            counts.append(events[-1]["response"]["usage"]["input_token_details"]["text_tokens"])
        assert counts == [5, 5 + 5 + 6]  # the tiny model has a token a character
        first = added["previous_item_id"]
        await peer.send({"type": "conversation.item.delete", "item_id": first})
        assert (await peer.until("conversation.item.deleted"))["item_id"] == first


async def test_what_is_said_during_an_answer_comes_after_it(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        await peer.send({"type": "conversation.item.create", "item": p.message("first")})
        await peer.send({"type": "response.create", "response": {"max_output_tokens": p.LONG}})
        answer = (await peer.until("response.output_item.added"))["item"]["id"]
        await peer.send({"type": "conversation.item.create", "item": p.message("second")})
        added = await peer.until("conversation.item.done")
        assert added["previous_item_id"] == answer
        await peer.send({"type": "response.cancel"})
        await peer.until("response.done")
        await peer.send({"type": "response.create", "response": {"max_output_tokens": 3}})
        assert (await peer.answer())[-1]["response"]["status"] == "incomplete"


@pytest.mark.parametrize("deed", ["take its id", "delete it"])
async def test_whatever_becomes_of_its_item_an_answer_ends(
    tiny: Live, name: str, deed: str
) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        await peer.send(p.create(tokens=p.LONG, conversation="auto"))
        item = (await peer.until("response.output_item.added"))["item"]["id"]
        if deed == "delete it":
            await peer.send({"type": "conversation.item.delete", "item_id": item})
            await peer.until("conversation.item.deleted")
        else:
            twin = {"type": "conversation.item.create", "item": p.message("x", id=item)}
            assert (await peer.error(twin))["code"] == "item_exists"
        await peer.send({"type": "response.cancel"})
        assert (await peer.until("response.done"))["response"]["output"][0]["id"] == item
        await peer.send(p.create(tokens=3, conversation="auto"))
        assert (await peer.answer())[-1]["response"]["status"] == "incomplete"


async def test_a_cancelled_answer_ends_soon_and_as_cancelled(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        await peer.send(p.create(tokens=p.LONG, conversation="auto"))
        created = await peer.until("response.created")
        await peer.until("response.output_text.delta")
        await peer.send({"type": "response.cancel"})
        done = (await peer.until("response.done"))["response"]
        assert done["id"] == created["response"]["id"]
        assert (done["status"], done["status_details"]["reason"]) == (
            "cancelled",
            "client_cancelled",
        )
        assert done["output"][0]["status"] == "incomplete"
        assert done["usage"]["output_tokens"] < p.LONG
        assert (await peer.error({"type": "response.cancel"}))[
            "code"
        ] == "response_cancel_not_active"


async def test_several_answers_run_at_once_but_one_in_the_conversation(
    tiny: Live, name: str
) -> None:
    limit = tiny.settings.max_parallel
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        await peer.send(p.create(tokens=p.LONG, conversation="auto"))
        ids = [(await peer.until("response.created"))["response"]["id"]]
        second = await peer.error(p.create(conversation="auto"))
        assert second["code"] == "conversation_already_has_active_response"
        for _ in range(limit - 1):
            await peer.send(p.create(tokens=p.LONG))
            ids.append((await peer.until("response.created"))["response"]["id"])
        assert (await peer.error(p.create()))["code"] == "overloaded"
        pieces: dict[str, int] = dict.fromkeys(ids, 0)
        while min(pieces.values()) < 3:  # all of them go on, none waits for another's end
            event = await peer.receive()
            if event["type"] == "response.output_text.delta":
                pieces[event["response_id"]] += 1
            assert event["type"] != "response.done"
        for i in ids:
            await peer.send({"type": "response.cancel", "response_id": i})
        ended = {(await peer.until("response.done"))["response"]["id"] for _ in ids}
        assert ended == set(ids)
        await peer.ask()


async def test_sessions_see_nothing_of_each_other(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as a, p.connect(tiny.url) as b:
        await a.feed(name)
        await a.send({"type": "conversation.item.create", "item": p.message("secret", id="mine")})
        await a.until("conversation.item.done")
        gone = await b.error({"type": "conversation.item.delete", "item_id": "mine"})
        assert gone["code"] == "item_not_found"
        await a.send({"type": "response.create", "response": {"max_output_tokens": p.LONG}})
        mine = (await a.until("response.created"))["response"]["id"]
        stop = await b.error({"type": "response.cancel", "response_id": mine})
        assert stop["code"] == "response_cancel_not_active"
        await b.ping()  # until here b was told of nothing but its own errors
        events = await b.ask(lw={"streams": [name]}, tokens=3)
        assert {e.get("response_id", events[0]["response"]["id"]) for e in events} == {
            events[0]["response"]["id"]
        }
        await a.send({"type": "response.cancel"})
        assert (await a.until("response.done"))["response"]["status"] == "cancelled"


async def test_the_answers_of_a_client_that_leaves_are_stopped(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as watcher:
        await watcher.feed(name)
        async with p.connect(tiny.url) as peer:
            for conversation in ("auto", "none"):
                lw = {"streams": [name]}
                await peer.send(p.create(tokens=p.LONG, conversation=conversation, lw=lw))
                await peer.until("response.created")
            await peer.socket.close()
        for _ in range(1000):
            if not tiny.engine._answer_scheduler.waiting():
                break
            await watcher.ping()
        assert not tiny.engine._answer_scheduler.waiting()
