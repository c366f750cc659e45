"""The client against the real service: everything over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.client import connect
from longwatch.client.http import get_json
from longwatch.client.media import jpeg
from longwatch.errors import ClosedError, ServerError

if TYPE_CHECKING:
    from longwatch.client import Client, Publisher
    from tests.support.service import Live

DEADLINE = 20.0


def picture(seed: int) -> bytes:
    """Return a small JPEG."""
    return jpeg(np.random.default_rng(seed).integers(0, 255, (32, 32, 3), np.uint8))


async def fed(client: Client, stream: str, frames: int = 3) -> Publisher:
    """Open a stream and wait until the model has read some pictures."""
    publisher = await client.open_stream(stream, fps=4.0, policy={"on_full": "block"})
    for n in range(frames):
        await publisher.send(picture(n), n / 4)
    async with asyncio.timeout(DEADLINE):
        while (await publisher.next_stats()).used < frames:
            pass
    return publisher


async def test_an_answer_sees_the_newest_frame_that_was_read(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        await fed(client, stream)
        answer = await client.ask("what?", stream=stream, max_tokens=4)
        assert answer.as_of == 0.5
        pieces = [piece async for piece in answer]
        assert "".join(pieces) == answer.text
        assert answer.status in {"completed", "incomplete"}
        assert answer.usage is not None
        assert answer.usage.output_tokens <= 4
        assert answer.timing is not None
        assert answer.timing.ttft_ms is not None
        earlier = await client.ask("what?", stream=stream, as_of=0.3, max_tokens=1)
        assert earlier.as_of == 0.25
        await earlier.read()


async def test_many_answers_at_once_are_those_of_one_at_a_time(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        await fed(client, stream)
        questions = [f"what is {n}?" for n in range(6)]

        async def ask(question: str) -> str:
            return await (await client.ask(question, stream=stream, max_tokens=12)).read()

        alone = [await ask(question) for question in questions]
        assert await asyncio.gather(*map(ask, questions)) == alone


async def test_asking_goes_on_while_frames_arrive(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        publisher = await fed(client, stream)

        async def feed() -> None:
            for n in range(3, 20):
                await publisher.send(picture(n), n / 4)
                await asyncio.sleep(0)

        feeding = asyncio.create_task(feed())
        answer = await client.ask("what?", stream=stream, max_tokens=30)
        await answer.read()
        await feeding
        final = await asyncio.wait_for(publisher.drain(), DEADLINE)
        assert final is not None
        assert (final.used, final.lost) == (20, 0)
        assert answer.as_of is not None
        assert (await client.ask("what?", stream=stream, max_tokens=1)).as_of == 19 / 4


async def test_a_cancelled_answer_ends_and_keeps_its_text(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        await fed(client, stream)
        answer = await client.ask("what?", stream=stream, max_tokens=4000)
        async for _ in answer:
            break
        await answer.cancel()
        text = await asyncio.wait_for(answer.read(), DEADLINE)
        assert answer.status == "cancelled"
        assert text == answer.text != ""


async def test_questions_of_the_conversation_follow_each_other(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        await fed(client, stream)
        first = await client.ask("one?", stream=stream, conversation="auto", max_tokens=4)
        await first.read()
        second = await client.ask("one?", stream=stream, conversation="auto", max_tokens=4)
        await second.read()
        assert first.usage is not None
        assert second.usage is not None
        assert second.usage.input_tokens > first.usage.input_tokens  # it knows the first


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"stream": "nowhere"}, "stream_not_found"),
        ({"max_tokens": 10**9}, "invalid_value"),
        ({"temperature": 9.0}, "invalid_value"),
        ({"typo": 1}, "unknown_parameter"),
    ],
)
async def test_a_bad_question_is_refused_with_its_code(
    live: Live, stream: str, question: dict[str, object], code: str
) -> None:
    async with connect(live.url) as client:
        await fed(client, stream, frames=1)
        with pytest.raises(ServerError) as caught:
            await client.ask("what?", **{"stream": stream, **question})  # type: ignore[arg-type]
        assert caught.value.code == code


async def test_an_empty_stream_cannot_be_asked(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        await client.open_stream(stream)
        with pytest.raises(ServerError) as caught:
            await client.ask("what?", stream=stream)
        assert caught.value.code == "stream_empty"


async def test_a_stream_has_one_publisher_and_can_be_taken_up_again(
    live: Live, stream: str
) -> None:
    async with connect(live.url) as client, connect(live.url) as other:
        publisher = await fed(client, stream)
        with pytest.raises(ServerError) as caught:
            await other.open_stream(stream)
        assert caught.value.code == "publisher_taken"
        await publisher.drain()
        await publisher.close()
        async with await other.open_stream(stream, fps=4.0) as next_one:
            await next_one.send(picture(9), 0.0)
        assert next_one.stats is not None
        assert next_one.stats.used == 4
        assert (await other.ask("what?", stream=stream, max_tokens=1)).as_of > 0.5  # type: ignore[operator]


async def test_who_attaches_follows_what_another_feeds(live: Live, stream: str) -> None:
    async with connect(live.url) as client, connect(live.url) as other:
        with pytest.raises(ServerError) as caught:
            await other.attach(stream)
        assert caught.value.code == "stream_not_found"
        publisher = await fed(client, stream)
        view = await other.attach(stream)
        assert view.state == "online"
        assert (await view.next_stats()).used == 3
        await publisher.close(discard_memory=True)
        async with asyncio.timeout(DEADLINE):
            while view.state != "ended":
                await view.changed()


async def test_a_broken_picture_is_a_fault_of_its_stream(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        publisher = await client.open_stream(stream)
        await publisher.send(picture(0)[:200], 0.0)
        async with asyncio.timeout(DEADLINE):
            while not publisher.faults:
                await publisher.next_stats()
        assert publisher.faults[0].code == "frame_undecodable"


async def test_ping_streams_and_models_tell_of_the_server(live: Live, stream: str) -> None:
    async with connect(live.url) as client:
        assert 0 < await client.ping() < DEADLINE
        assert abs(client.clock_offset) < 5  # it is this machine's clock
        await client.open_stream(stream)
        assert stream in [listed["stream"] for listed in await client.streams()]
        assert await client.models() == [live.engine.model.name]


async def test_closing_a_stream_that_is_not_there_is_an_error(live: Live) -> None:
    async with connect(live.url) as client:
        with pytest.raises(ServerError) as caught:
            await client.close_stream("nowhere")
        assert caught.value.code == "stream_not_found"


def test_plain_requests_tell_apart_a_refusal_and_nobody_there(live: Live) -> None:
    with pytest.raises(ServerError) as refused:
        get_json(live.url, "/v1/streams/nowhere")
    assert refused.value.code == "http_404"
    with pytest.raises(ClosedError) as nobody:
        get_json("http://127.0.0.1:1", "/v1/models")
    assert nobody.value.code == "server_unreachable"


async def test_a_rate_of_zero_reads_every_frame_and_none_leaves_it_to_the_server(
    live: Live, stream: str
) -> None:
    async with connect(live.url) as client:
        for fps, accepted in ((0, None), (3.0, 3.0), (None, live.settings.stream.fps)):
            async with await client.open_stream(stream, fps=fps) as publisher:
                assert publisher.accepted["fps"] == accepted
