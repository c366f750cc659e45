"""The laws of handing out events, sans I/O."""

from __future__ import annotations

import logging

import pytest

from longwatch.client.answer import Answer
from longwatch.client.router import TAG, Router
from longwatch.client.streams import StreamView
from longwatch.errors import ClosedError, ServerError


async def cancel(answer: Answer) -> None:
    """Do nothing: no test here cancels."""


async def test_waiters_for_the_same_event_are_served_in_their_order() -> None:
    router = Router()
    with router.expect("lw.pong", "1") as first, router.expect("lw.pong", "1") as second:
        router.take({"type": "lw.pong", "t": 1, "n": "a"})
        assert first.result()["n"] == "a"
        assert not second.done()
        router.take({"type": "lw.pong", "t": 1, "n": "b"})
        assert second.result()["n"] == "b"


async def test_an_event_about_something_else_settles_nobody() -> None:
    router = Router()
    with router.expect("lw.stream.opened", "cam1") as opened:
        router.take({"type": "lw.stream.opened", "stream": "cam2"})
        router.take({"type": "lw.stream.state", "stream": "cam1"})
        assert not opened.done()


async def test_an_answer_that_nobody_waits_for_any_more_is_left_alone() -> None:
    router = Router()
    answer = Answer("cam1", cancel)
    with router.await_answer("q1", answer):
        pass
    router.take({"type": "response.created", "response": {"id": "r1", "metadata": {TAG: "q1"}}})
    router.take({"type": "response.output_text.delta", "response_id": "r1", "delta": "x"})
    assert answer.text == ""


async def test_only_the_first_loss_counts_and_it_reaches_everybody() -> None:
    router = Router()
    view = router.views["cam1"] = StreamView("cam1")
    with router.expect("lw.pong", "1") as reply:
        router.lose(ClosedError("first"))
        router.lose(ClosedError("second"))
        with pytest.raises(ClosedError, match="first"):
            reply.result()
    with pytest.raises(ClosedError, match="first"):
        await view.next_stats()


@pytest.mark.parametrize(
    ("code", "told"), [("frame_undecodable", 1), ("response_cancel_not_active", 0)]
)
async def test_an_error_without_a_request_is_logged_unless_it_means_nothing(
    code: str, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    with caplog.at_level(logging.WARNING, "longwatch.client"):
        router.take({"type": "error", "error": {"code": code, "message": "m", "type": "t"}})
    assert len(caplog.records) == told


async def test_an_error_keeps_the_server_s_words() -> None:
    router = Router()
    error = {"type": "k", "code": "c", "message": "m", "param": "p", "event_id": "e1"}
    with router.expect("lw.pong", "1", "e1") as reply:
        router.take({"type": "error", "error": error})
        with pytest.raises(ServerError, match="m") as caught:
            reply.result()
    assert (caught.value.kind, caught.value.code, caught.value.param) == ("k", "c", "p")
