"""More questions than the model can take, as clients see it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from longwatch.serve.answers.types import Delta
from tests.support import peer as p
from tests.support import tiny as t
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from longwatch.serve.answers.types import AnswerEvent
    from tests.support.service import Live


@asynccontextmanager
async def held(live: Live, name: str) -> AsyncIterator[None]:
    """Keep the model's thread at the first piece of an answer, until the end of the block."""
    holding, release = threading.Event(), threading.Event()

    def hold(event: AnswerEvent) -> None:
        if isinstance(event, Delta):
            holding.set()
            release.wait(t.DEADLINE)

    live.engine.ask(name, t.question(tokens=1), hold)
    await asyncio.to_thread(holding.wait, t.DEADLINE)
    try:
        yield
    finally:
        release.set()


async def waiting(live: Live, name: str, count: int) -> None:
    """Wait until so many questions about a stream wait."""
    stream = live.engine.stream(name)
    await asyncio.to_thread(t.wait_for, lambda: stream.stats().questions.waiting == count)


async def figures(http: httpx.AsyncClient, metric: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families((await http.get("/metrics")).text)
    return {
        tuple(v for _, v in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == metric
    }


async def test_a_question_that_cannot_begin_in_time_fails_on_both_ways(
    tiny: Live, name: str
) -> None:
    body: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "what?"}],
        "max_tokens": 3,
        "lw": {"stream": name, "deadline_ms": 1},
    }
    http = httpx.AsyncClient(base_url=tiny.url, timeout=p.DEADLINE)
    async with http, p.connect(tiny.url) as peer:
        await peer.feed(name)
        async with held(tiny, name):
            reply = asyncio.create_task(http.post("/v1/chat/completions", json=body))
            await peer.send(p.create(lw={"streams": [name], "deadline_ms": 1}))
            await waiting(tiny, name, 2)
            assert (await figures(http, "longwatch_questions"))["waiting", name] == 2
            assert (await figures(http, "longwatch_requests_waiting"))[()] >= 2
            stats = await peer.until("lw.stream.stats", questions={"running": 1, "waiting": 2})
            assert stats["stream"] == name
        response = (await peer.until("response.done"))["response"]
        answered = await reply
        assert answered.status_code == 429
        assert answered.json()["error"]["code"] == "deadline_exceeded"
        assert float(answered.headers["Retry-After"]) > 0
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["code"] == "deadline_exceeded"


async def test_a_deadline_that_is_kept_changes_nothing(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        free = await peer.ask(tokens=5)
        bound = await peer.ask(tokens=5, lw={"deadline_ms": 60_000})
        assert p.text_of(bound) == p.text_of(free) != ""
        await peer.send(p.create(lw={"deadline_ms": 0}))
        error = await peer.until("error")
        assert error["error"]["param"] == "response.lw.deadline_ms"


async def test_who_asks_too_much_is_refused_with_a_time_to_come_back(name: str) -> None:
    with serve(t.TinyVideoLM(), max_questions=2) as live:
        async with p.connect(live.url) as peer:
            await peer.feed(name)
            async with held(live, name):
                await peer.send(p.create())
                await waiting(live, name, 1)
                await peer.send(p.create())
                error = (await peer.until("error"))["error"]
                assert error["code"] == "overloaded"
                assert error["lw"]["retryable"]
                assert error["lw"]["retry_after_ms"] >= 100
            assert (await peer.until("response.done"))["response"]["status"] == "incomplete"
