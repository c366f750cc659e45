"""The laws of one answer, as its events come in."""

from __future__ import annotations

import asyncio

import pytest

from longwatch.client.answer import Answer, Evidence
from longwatch.errors import ClosedError, ServerError


def begun() -> tuple[Answer, list[str]]:
    """Return an answer that has begun, and the list of the ids that were cancelled."""
    cancelled: list[str] = []

    async def cancel(answer: Answer) -> None:
        cancelled.append(answer.id)

    answer = Answer("cam1", cancel)
    answer.begin({"id": "r1", "lw": {"as_of": {"cam1": 2_500_000}}})
    return answer, cancelled


async def test_pieces_are_yielded_as_they_come_and_each_reader_gets_all() -> None:
    answer, _ = begun()

    async def read() -> list[str]:
        return [piece async for piece in answer]

    readers = [asyncio.create_task(read()) for _ in range(2)]
    for piece in ("a", "b", "c"):
        answer.push(piece)
        await asyncio.sleep(0)  # let the readers run between pieces
    answer.finish({"status": "completed"})
    assert await asyncio.wait_for(asyncio.gather(*readers), 10) == [["a", "b", "c"]] * 2
    assert [piece async for piece in answer] == ["a", "b", "c"]


async def test_the_end_tells_status_reason_usage_and_timing() -> None:
    answer, _ = begun()
    assert (answer.as_of, answer.status, answer.done) == (2.5, "in_progress", False)
    timing = {"queue_ms": 1.0, "prefill_ms": 2.0, "ttft_ms": 3.0, "total_ms": 4.0}
    answer.finish(
        {
            "status": "incomplete",
            "status_details": {"reason": "max_output_tokens"},
            "usage": {"input_tokens": 12, "output_tokens": 3},
            "lw": {"timing": timing},
        }
    )
    assert (answer.status, answer.reason, answer.done) == ("incomplete", "max_output_tokens", True)
    assert answer.timing is not None
    assert (answer.timing.ttft_ms, answer.timing.total_ms) == (3.0, 4.0)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 3)


async def test_the_end_tells_what_the_answer_rests_on() -> None:
    answer, _ = begun()
    assert (answer.evidence, answer.range, answer.range_dropped) == ((), None, False)
    evidence = [
        {"stream": "cam1", "pts_us": 42_500_000, "score": 0.75, "why": "recalled"},
        {"stream": "cam1", "pts_us": 60_000_000, "score": None, "why": "at_hand", "url": "x"},
    ]
    span = {"from": 40_000_000, "to": 45_000_000}
    answer.finish({"status": "completed", "lw": {"evidence": evidence, "range": span}})
    assert answer.evidence == (
        Evidence(42.5, 0.75, "recalled"),
        Evidence(60.0, None, "at_hand", "x"),
    )
    assert (answer.range, answer.range_dropped) == ((40.0, 45.0), False)
    other, _ = begun()
    other.finish({"status": "completed", "lw": {"range": None, "range_dropped": True}})
    assert (other.range, other.range_dropped) == (None, True)


async def test_a_failed_answer_raises_after_its_pieces() -> None:
    answer, _ = begun()
    answer.push("half")
    error = {"type": "model_error", "code": "out_of_memory", "message": "no room"}
    answer.finish({"status": "failed", "status_details": {"error": error}})
    pieces = aiter(answer)
    assert await anext(pieces) == "half"
    with pytest.raises(ServerError, match="no room") as caught:
        await anext(pieces)
    assert (caught.value.code, caught.value.kind) == ("out_of_memory", "model_error")


async def test_a_cancelled_answer_keeps_what_came_and_raises_nothing() -> None:
    answer, cancelled = begun()
    answer.push("half")
    await answer.cancel()
    answer.finish({"status": "cancelled", "status_details": {"reason": "client_cancelled"}})
    assert await answer.read() == "half"
    await answer.cancel()
    assert cancelled == ["r1"]


async def test_an_answer_that_has_ended_cannot_fail_any_more() -> None:
    answer, _ = begun()
    answer.finish({"status": "completed"})
    answer.fail(ClosedError("gone"))
    assert await answer.read() == ""
    assert answer.status == "completed"
