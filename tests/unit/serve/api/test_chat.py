"""An engine's answer on an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import NotFoundError
from longwatch.serve.answers.types import Done, Started
from longwatch.serve.api.chat import AnswerStream
from longwatch.serve.streams.settings import StreamSettings
from tests.support import tiny as t

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_events_come_in_order_up_to_the_end(tiny: Live, name: str) -> None:
    stream = tiny.engine.open_stream(name, StreamSettings(fps=None))
    await asyncio.to_thread(t.feed, stream, [t.frame(0)])
    events = [event async for event in AnswerStream(tiny.engine, name, t.question())]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    assert not any(isinstance(event, Started | Done) for event in events[1:-1])

    endless = AnswerStream(tiny.engine, name, t.question(tokens=4000))
    events = []
    async for event in endless:
        events.append(event)
        if len(events) == 3:
            endless.cancel()
    last = events[-1]
    assert isinstance(last, Done)
    assert last.status == "cancelled"
    tiny.engine.close_stream(name)


async def test_what_cannot_be_asked_raises_at_once(tiny: Live) -> None:
    with pytest.raises(NotFoundError):
        AnswerStream(tiny.engine, "nowhere", t.question())


def test_a_loop_that_is_gone_does_not_hurt_the_engine(tiny: Live, name: str) -> None:
    stream = tiny.engine.open_stream(name, StreamSettings(fps=None))
    t.feed(stream, [t.frame(0)])

    async def ask_and_leave() -> AnswerStream:
        return AnswerStream(tiny.engine, name, t.question(tokens=50))

    asyncio.run(ask_and_leave())
    t.wait_for(lambda: not tiny.engine._answer_scheduler)
    assert t.ask(tiny.engine, name).status == "incomplete"
    tiny.engine.close_stream(name)
