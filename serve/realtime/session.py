"""One websocket connection, from its first event to its close code."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from longwatch.errors import LimitError, LongwatchError, ProtocolError
from longwatch.serve.checking import load
from longwatch.serve.faults import internal
from longwatch.serve.realtime import events
from longwatch.serve.realtime.handler import Handler
from longwatch.serve.realtime.hangup import Hangup
from longwatch.serve.realtime.outbox import Outbox
from longwatch.serve.realtime.parse import event_id, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

    from longwatch.serve.service import Service

log = logging.getLogger(__name__)
NOT_JSON = 2  # messages that are not JSON, until the connection is closed
PARTING_SECONDS = 2.0  # for what is still to be sent when a connection is closed


class Session:
    """Reads always, answers in order, and knows nothing of other sessions."""

    def __init__(self, service: Service, websocket: WebSocket) -> None:
        self._service = service
        self._socket = websocket
        self._outbox = Outbox(websocket.send_text, service.settings.send_queue_bytes)
        self._handler = Handler(service, self._outbox, self._complain)
        self._not_json = 0
        self._code = 1005  # with which the client leaves

    @property
    def id(self) -> str:
        """The session's id."""
        return self._handler.id

    async def run(self, attach: str | None = None) -> int:
        """Serve the connection to its end; return the close code. `attach` names a stream."""
        self._outbox.put(events.event("session.created", session=self._handler.json()))
        work = (self._read(attach), self._outbox.run(), self._report(), self._watch_overflow())
        tasks = [asyncio.create_task(part) for part in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            hangup = next((_hangup(task.exception()) for task in tasks if task in done), None)
            if hangup is not None:
                await self._part(hangup)
        finally:
            self._handler.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._code if hangup is None else hangup.code

    async def _part(self, hangup: Hangup) -> None:
        """Send what is left, then close; a client that does not read is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._outbox.drained()
        reason = hangup.error.code if hangup.error else ""
        with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._socket.close(hangup.code, reason)

    async def _read(self, attach: str | None) -> None:
        """Take in messages until the client leaves."""
        if attach is not None:
            self._guard(None, lambda: self._attach(attach))
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._code = message.get("code") or self._code
                return
            if message.get("bytes") is not None:
                self._take_bytes(message["bytes"])
            else:
                self._take_text(message["text"])
            await asyncio.sleep(0)  # a burst that is here already must not hold up everybody else

    async def _report(self) -> None:
        """Send statistics for ever."""
        while True:
            await asyncio.sleep(self._service.settings.stats_seconds)
            self._handler.streams.report()

    async def _watch_overflow(self) -> None:
        """Give up a client that does not read."""
        await self._outbox.overflowed.wait()
        raise Hangup(1013, LimitError("", code="slow_consumer"))

    def _take_bytes(self, message: bytes) -> None:
        self._guard(None, lambda: self._handler.frames.binary(message))

    def _take_text(self, text: str) -> None:
        try:
            data = load(text)
        except ProtocolError as error:
            self._not_json += 1
            self._tell(error, fatal=self._not_json >= NOT_JSON)
            if self._not_json >= NOT_JSON:
                raise Hangup(1007, error) from None
            return
        self._guard(event_id(data), lambda: self._handler.handle(parse(data)))

    def _attach(self, name: str) -> None:
        try:
            self._handler.streams.attach(name)
        except LongwatchError as error:
            raise Hangup(4404, error) from None

    def _guard(self, cause: str | None, work: Callable[[], None]) -> None:
        """Do `work`; what goes wrong is told, and the session goes on unless it is a `Hangup`."""
        try:
            work()
        except Hangup as hangup:
            if hangup.error is not None:
                self._tell(hangup.error, cause, fatal=True)
            raise
        except LongwatchError as error:
            self._tell(error, cause)
        except Exception:  # a bug in one event must not end the others
            log.exception("an event could not be handled")
            self._tell(internal(), cause)

    def _complain(self, error: LongwatchError, stream: str) -> None:
        self._tell(error, stream=stream)

    def _tell(
        self,
        error: LongwatchError,
        cause: str | None = None,
        *,
        fatal: bool = False,
        stream: str | None = None,
    ) -> None:
        self._service.metrics.errors.labels(error.code).inc()
        self._outbox.put(events.error(error, cause, fatal=fatal, stream=stream))


def _hangup(error: BaseException | None) -> Hangup | None:
    """Return how a connection is to be closed whose task ended so; None: the client is gone."""
    if error is None or isinstance(error, WebSocketDisconnect | OSError):
        return None
    if isinstance(error, Hangup):
        return error
    log.error("a session failed", exc_info=error)
    return Hangup(1011, internal())
