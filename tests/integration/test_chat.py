"""`/v1/chat/completions`, beyond what the official client shows."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from longwatch.serve.api.chat_request import parse_request
from tests.support import peer as p
from tests.support import tiny as t

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.service import Live

URL = "/v1/chat/completions"


@pytest.fixture
async def http(tiny: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=tiny.url, timeout=p.DEADLINE) as client:
        yield client


def ask(content: Any = "what?", **fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": content}], **fields}


async def test_every_way_to_name_a_stream_gives_the_same_answer(
    tiny: Live, http: httpx.AsyncClient, name: str
) -> None:
    part = {"type": "lw.stream", "stream": name}
    requests = [
        ask([part, {"type": "text", "text": "what?"}], max_tokens=5),
        ask(model=f"tiny@{name}", max_completion_tokens=5),
        ask(lw={"stream": name}, max_tokens=5),
        ask(lw={"stream": name, "as_of": "now"}, model=f"tiny@{name}", max_tokens=5),
    ]
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        answers = [(await http.post(URL, json=request)).json() for request in requests]
    texts = {answer["choices"][0]["message"]["content"] for answer in answers}
    assert len(texts) == 1
    assert {answer["choices"][0]["finish_reason"] for answer in answers} == {"length"}


async def test_sampling_reaches_the_model(tiny: Live, http: httpx.AsyncClient, name: str) -> None:
    asked = ask(lw={"stream": name}, max_tokens=12)
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)

        async def text(**fields: Any) -> str:
            reply = (await http.post(URL, json={**asked, **fields})).json()
            said: str = reply["choices"][0]["message"]["content"]
            return said

        greedy = await text()
        assert await text(temperature=0.0) == greedy
        assert await text(temperature=2.0, seed=1) == await text(temperature=2.0, seed=1) != greedy
        assert greedy.startswith(await text(stop=greedy[3:5]))
        assert len(await text(stop=[greedy[3:5]])) <= 3


async def test_a_client_that_leaves_stops_its_answer(
    tiny: Live, http: httpx.AsyncClient, name: str
) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        for stream in (True, False):
            asked = ask(lw={"stream": name}, max_tokens=p.LONG, stream=stream)
            request = asyncio.create_task(http.post(URL, json=asked))
            while not tiny.engine._answer_scheduler:
                await peer.ping()
            before = await cancelled(http)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            await asyncio.to_thread(t.wait_for, lambda: not tiny.engine._answer_scheduler)
            assert await cancelled(http) == before + 1


async def test_a_request_that_breaks_off_is_no_failure_of_the_service(
    tiny: Live, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken_off() -> float:
        families = text_string_to_metric_families((await http.get("/metrics")).text)
        samples = [s for f in families for s in f.samples if s.name == "longwatch_errors_total"]
        return sum(s.value for s in samples if s.labels["code"] == "invalid_message")

    before, address = await broken_off(), urlsplit(tiny.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"POST {URL} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    async with asyncio.timeout(t.DEADLINE):
        while await broken_off() == before:
            pass
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def cancelled(http: httpx.AsyncClient) -> float:
    """Return how many answers were cancelled so far."""
    families = text_string_to_metric_families((await http.get("/metrics")).text)
    samples = [s for f in families for s in f.samples if s.name == "longwatch_requests_total"]
    return sum(s.value for s in samples if s.labels["status"] == "cancelled")


async def test_a_streamed_answer_comes_piece_by_piece(
    tiny: Live, http: httpx.AsyncClient, name: str
) -> None:
    asked = ask(lw={"stream": name}, max_tokens=p.LONG, stream=True)
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        async with http.stream("POST", URL, json=asked) as reply:
            assert reply.headers["content-type"].startswith("text/event-stream")
            lines = aiter(reply.aiter_lines())
            first = json.loads((await anext(lines)).removeprefix("data: "))
            assert first["choices"][0]["delta"]["role"] == "assistant"
            assert first["lw"]["as_of"] == {name: 1_000_000}
            assert tiny.engine._answer_scheduler  # pieces came, and the answer is not at its end


WRONG: dict[str, tuple[Any, int, str]] = {
    "not JSON": (b"{", 400, "invalid_json"),
    "not an object": (b"[]", 400, "invalid_value"),
    "not UTF-8": (b'{"model": "\xff"}', 400, "invalid_json"),
    "no messages": (ask(messages=[]), 400, "invalid_value"),
    "no model": ({"messages": []}, 400, "missing_parameter"),
    "no question": (ask(""), 400, "no_question"),
    "answer last": (ask(messages=[{"role": "assistant", "content": "x"}]), 400, "no_question"),
    "role": (ask(messages=[{"role": "cat", "content": "x"}]), 400, "invalid_value"),
    "too long": (ask("x" * 20_000), 400, "context_overflow"),
    "picture": (
        ask([{"type": "image_url", "image_url": {"url": "x"}}]),
        400,
        "unsupported_content",
    ),
    "tools": (ask(tools=[{}]), 400, "unsupported_parameter"),
    "schema": (ask(response_format={"type": "json_schema"}), 400, "missing_parameter"),
    "no tokens": (ask(max_completion_tokens=0), 400, "invalid_value"),
    "typo": (ask(lw={"as_off": 1}), 400, "unknown_parameter"),
    "two streams": (ask(lw={"stream": "a"}, model="tiny@b"), 400, "too_many_streams"),
    "no stream": (ask(lw={"stream": "nowhere"}), 404, "stream_not_found"),
    "no such model": (ask(model="other"), 404, "model_not_found"),
    "temperature": (ask(temperature=9.0), 400, "invalid_value"),
    "tokens": (ask(max_tokens=0), 400, "invalid_value"),
    "size": (b"x" * (5 << 20), 413, "message_too_large"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_gets_openai_s_error_object(
    tiny: Live, http: httpx.AsyncClient, name: str, case: str
) -> None:
    body, status, code = WRONG[case]
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 1)
        if isinstance(body, dict) and "@" not in str(body.get("model")) and "lw" not in body:
            body = {**body, "lw": {"stream": name}}
        content = body if isinstance(body, bytes) else json.dumps(body)
        reply = await http.post(URL, content=content)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert set(reply.json()["error"]) == {"type", "code", "message", "param"}


async def test_a_stream_without_frames_is_worth_another_try(
    tiny: Live, http: httpx.AsyncClient, name: str
) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.open(name)
        reply = await http.post(URL, json=ask(lw={"stream": name}))
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "stream_empty")
    assert reply.headers["retry-after"] == "1"


def test_fields_of_openai_s_that_we_do_not_know_are_ignored() -> None:
    body = json.dumps(ask(user="me", frequency_penalty=1, some_new_thing={"a": 1}))
    assert parse_request(body.encode()).model == "tiny"
