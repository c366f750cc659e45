"""Whom an event of the server concerns, sans I/O."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longwatch.errors import LongwatchError, ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from longwatch.client.answer import Answer
    from longwatch.client.streams import StreamView
    from longwatch.client.watches import Watch

_log = logging.getLogger("longwatch.client")
TAG = "lw_tag"  # the key of a response's metadata that says which question it answers


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    kind: str
    subject: str
    event_id: str
    reply: asyncio.Future[dict[str, Any]]


class Router:
    """Hands each event to the request, the answer or the stream that it is about."""

    def __init__(self) -> None:
        self.lost: LongwatchError | None = None
        """Why nothing more will come; None while the connection stands."""
        self.views: dict[str, StreamView] = {}
        """The streams that were opened or attached to, by name."""
        self.watches: dict[str, Watch] = {}
        """The watches that were made here, by id, until they are deleted."""
        self._making = asyncio.Lock()  # one watch at a time, so that it is clear whose reply comes
        self._made: Watch | None = None
        self._waiters: list[_Waiter] = []
        self._asked: dict[str, Answer] = {}  # tag -> an answer that has not begun
        self._answers: dict[str, Answer] = {}  # response id -> an answer under way

    @contextmanager
    def expect(
        self, kind: str, subject: str = "", event_id: str = ""
    ) -> Iterator[asyncio.Future[dict[str, Any]]]:
        """Hold the next event of type `kind` about `subject`, or the error to `event_id`."""
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(kind, subject, event_id, reply)
        self._waiters.append(waiter)
        try:
            yield reply
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            reply.cancel()

    @contextmanager
    def await_answer(self, tag: str, answer: Answer) -> Iterator[None]:
        """Give the response with the tag `tag` to `answer`, from its first event on."""
        self._asked[tag] = answer
        try:
            yield
        finally:
            self._asked.pop(tag, None)

    @asynccontextmanager
    async def await_watch(self, watch: Watch) -> AsyncIterator[None]:
        """Give the next watch that the server makes to `watch`, from its first event on."""
        async with self._making:
            self._made = watch
            try:
                yield
            finally:
                self._made = None

    def take(self, event: dict[str, Any]) -> None:
        """Hand out one event; an event of an unknown type concerns nobody."""
        kind: str = event["type"]
        if kind == "error":
            self._error(event["error"])
            return
        if kind.startswith("response."):
            self._response(kind, event)
        elif kind.startswith("lw.stream.") and event.get("stream") in self.views:
            self.views[event["stream"]].take(event)
        elif kind.startswith("lw.watch."):
            self._watch(kind, event)
        subject = _subject(event)
        for waiter in self._waiters:
            if (waiter.kind, waiter.subject) == (kind, subject):
                self._settle(waiter, event)
                break

    def lose(self, error: LongwatchError) -> None:
        """End everything that waits with `error`; the first loss is the one that counts."""
        if self.lost is not None:
            return
        self.lost = error
        for waiter in list(self._waiters):
            self._settle(waiter, error)
        for answer in self._answers.values():
            answer.fail(error)
        for view in self.views.values():
            view.lose(error)
        for watch in self.watches.values():
            watch.lose(error)
        self._answers.clear()

    def _watch(self, kind: str, event: dict[str, Any]) -> None:
        """Hand an event to the watch that it belongs to; those of others are not ours."""
        if kind == "lw.watch.created" and self._made is not None:
            made, self._made = self._made, None
            made.begin(event["watch"])
            self.watches[made.id] = made
        elif event.get("watch_id") in self.watches:
            self.watches[event["watch_id"]].take(event)
            if kind == "lw.watch.deleted":
                del self.watches[event["watch_id"]]
        elif kind == "lw.watch.attached" and event["watch"]["id"] in self.watches:
            watch = event["watch"]
            self.watches[watch["id"]].take({**watch, "type": "lw.watch.state"})

    def cut(self) -> None:
        """Take in that the connection is gone, and may come back with the same session."""
        for view in self.views.values():
            view.cut()

    def restart(self, error: LongwatchError) -> None:
        """End what waits in the old session with `error`; a new one has begun."""
        for waiter in list(self._waiters):
            self._settle(waiter, error)
        for answer in self._answers.values():
            answer.fail(error)
        self._answers.clear()

    def _response(self, kind: str, event: dict[str, Any]) -> None:
        """Hand an event to the answer that it belongs to."""
        if kind == "response.created":
            response = event["response"]
            answer = self._asked.pop((response.get("metadata") or {}).get(TAG, ""), None)
            if answer is not None:
                self._answers[response["id"]] = answer
                answer.begin(response)
        elif kind == "response.output_text.delta":
            under_way = self._answers.get(event["response_id"])
            if under_way is not None:
                under_way.push(event["delta"])
        elif kind == "response.done":
            ended = self._answers.pop(event["response"]["id"], None)
            if ended is not None:
                ended.finish(event["response"])

    def _error(self, body: dict[str, Any]) -> None:
        """Hand an error to the request that caused it, else to the stream that it names."""
        error = ServerError(
            str(body.get("message", "the server gave no reason")),
            code=str(body.get("code") or "internal"),
            kind=str(body.get("type") or "server_error"),
            param=body.get("param"),
        )
        cause = body.get("event_id")
        for waiter in self._waiters:
            if cause and waiter.event_id == cause:
                self._settle(waiter, error)
                return
        if error.code == "response_cancel_not_active":
            return  # the answer ended while its cancel was under way
        stream = (body.get("lw") or {}).get("stream")
        if stream in self.views:
            self.views[stream].faults.append(error)
        _log.warning("the server reports %s: %s", error.code, error)

    def _settle(self, waiter: _Waiter, outcome: dict[str, Any] | LongwatchError) -> None:
        """Give a waiter its reply; it may have stopped waiting."""
        self._waiters.remove(waiter)
        if waiter.reply.done():
            return
        if isinstance(outcome, LongwatchError):
            waiter.reply.set_exception(outcome)
        else:
            waiter.reply.set_result(outcome)


def _subject(event: dict[str, Any]) -> str:
    """Return what an event is about, in the word by which its request named it."""
    kind = event["type"]
    if kind == "lw.pong":
        return str(event.get("t"))
    if kind == "response.created":
        return str((event["response"].get("metadata") or {}).get(TAG, ""))
    if kind.startswith("conversation.item."):
        return str((event.get("item") or {}).get("id", ""))
    if kind == "lw.watch.deleted":
        return str(event.get("watch_id", ""))
    if kind == "lw.watch.attached":
        return str(event["watch"]["id"])
    return str(event.get("stream", ""))
