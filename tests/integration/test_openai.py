"""The official client, unmodified, asks about a stream that somebody else feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai.types.realtime import RealtimeErrorEvent

from tests.support import peer as p

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.service import Live

QUESTION = "what do you see"


@pytest.fixture
async def client(bundled: Live) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{bundled.url}/v1", api_key="any", max_retries=0
    ) as client:
        yield client


async def test_realtime_streams_an_answer(
    bundled: Live, client: openai.AsyncOpenAI, name: str
) -> None:
    async with p.connect(bundled.url) as publisher:
        handle = await publisher.feed(name)
        extra = {"stream": name}
        async with client.realtime.connect(model="bundled", extra_query=extra) as connection:
            await connection.session.update(
                session={"type": "realtime", "output_modalities": ["text"]}
            )
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": QUESTION}],
                }
            )
            await connection.response.create()
            await publisher.push(handle, range(3, 5))  # frames go on arriving
            kinds, pieces = [], ""
            event = await connection.recv()
            while event.type != "response.done":
                kinds.append(event.type)
                if event.type == "response.output_text.delta":
                    pieces += event.delta
                event = await connection.recv()
            done = event.response
    expected = [
        "session.created",
        "session.updated",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    seen = [kind for kind in kinds if not kind.startswith("lw.")]
    assert [k for i, k in enumerate(seen) if i == 0 or k != seen[i - 1]] == expected
    assert done.status == "completed"
    assert done.usage is not None
    assert done.usage.output_tokens
    assert pieces
    item = done.output[0] if done.output else None
    assert item is not None
    assert item.type == "message"
    assert item.content[0].text == pieces


async def test_realtime_tells_errors_and_goes_on(client: openai.AsyncOpenAI) -> None:
    async with client.realtime.connect(model="bundled") as connection:
        await connection.response.cancel(event_id="mine")
        event = await connection.recv()
        while not isinstance(event, RealtimeErrorEvent):
            event = await connection.recv()
        assert event.error.code == "response_cancel_not_active"
        assert event.error.event_id == "mine"
        await connection.session.update(session={"type": "realtime"})
        assert (await connection.recv()).type == "session.updated"


async def test_chat_answers_whole_and_streamed_alike(
    bundled: Live, client: openai.AsyncOpenAI, name: str
) -> None:
    asked: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    async with p.connect(bundled.url) as publisher:
        await publisher.feed(name)
        whole = await client.chat.completions.create(model=f"bundled@{name}", **asked)
        assert whole.choices[0].finish_reason == "stop"
        text = whole.choices[0].message.content
        assert text
        assert whole.usage is not None
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        assert whole.model_extra is not None
        assert whole.model_extra["lw"]["as_of"] == {name: 1_000_000}

        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model="bundled",
                stream=True,
                stream_options={"include_usage": True},
                extra_body={"lw": {"stream": name, "as_of": 1_000_000}},
                **asked,
            )
        ]
        pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
        assert "".join(pieces) == text
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage == whole.usage
        assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_chat_raises_the_client_s_own_errors(client: openai.AsyncOpenAI) -> None:
    hello: Any = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="bundled@nowhere", messages=hello)
    assert missing.value.code == "stream_not_found"
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="gpt-none", messages=hello)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await client.chat.completions.create(model="bundled", messages=hello, n=2)
    assert wrong.value.param == "n"


async def test_the_model_is_listed(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["bundled"]
