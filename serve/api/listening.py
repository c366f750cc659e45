"""An answer of the engine's thread, brought to an event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from longwatch.serve.answers.types import Done

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.types import AnswerEvent, Question


class Asked(Protocol):
    """Whoever takes questions: the engine, or the service on behalf of a key."""

    def ask(
        self, stream: str, question: Question, listener: Callable[[AnswerEvent], None]
    ) -> Answer:
        """Put a question; see `Engine.ask`."""
        ...


class Listening:
    """One question's events, in order, as an asynchronous iterator.

    Whoever stops listening early must `cancel`. Raises what `ask` raises.
    """

    def __init__(self, asked: Asked, stream: str, question: Question) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[AnswerEvent] = asyncio.Queue()  # at most one a token
        self._answer = asked.ask(stream, question, self._take)

    async def __aiter__(self) -> AsyncIterator[AnswerEvent]:
        """Yield the events up to the last one, `Done`."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Done):
                return

    def cancel(self) -> None:
        """Stop the answer; after its end this does nothing."""
        self._answer.cancel()

    def _take(self, event: AnswerEvent) -> None:
        with suppress(RuntimeError):  # the loop is closed, and whoever listened is gone
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
