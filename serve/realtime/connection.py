"""One websocket connection of a session, from its first event to its close code.

Its key is looked at with every message, and once a second where none come.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from longwatch.errors import AuthenticationError, ClosedError, LimitError
from longwatch.serve.auth.principal import current
from longwatch.serve.protocol.errors import CloseConnection, internal
from longwatch.serve.realtime import events
from longwatch.serve.realtime.session import BROKEN

if TYPE_CHECKING:
    from starlette.types import Message
    from starlette.websockets import WebSocket

    from longwatch.serve.realtime.session import Session
    from longwatch.serve.service import Service

SECONDS = 1.0


class ConnectionGuard:
    """The standing of the principal that the code which makes this acts for."""

    def __init__(self, service: Service, session: Session) -> None:
        self._access = service.authenticator
        self._session = session
        self._principal = current()

    async def watch(self) -> None:
        """Look at the key for ever; `CloseConnection` (4401) once it is not valid any more."""
        while True:
            await asyncio.sleep(SECONDS)
            self._check_key()

    def check(self, message: Message) -> None:
        """Count a message that came.

        Raises:
            Hangup: its key is not valid any more (4401), or too many bytes come (4429).
        """
        self._check_key()
        try:
            self._session.allowance.take("bytes", _size(message))
        except LimitError as error:
            self._session.tell(error, fatal=True)
            raise CloseConnection(4429, error) from None

    def _check_key(self) -> None:
        if not self._access.is_valid(self._principal):
            gone = AuthenticationError("the key was revoked or has expired; ask for a new one")
            self._session.tell(gone, fatal=True)
            raise CloseConnection(4401, gone)


def _size(message: Message) -> int:
    return len(message.get("bytes") or b"") or len(message.get("text") or "")


log = logging.getLogger(__name__)
PARTING_SECONDS = 2.0  # for what is still to be sent when a connection is closed


class Connection:
    """Reads always, and sends what its session has to say."""

    def __init__(self, service: Service, session: Session, websocket: WebSocket) -> None:
        self._service = service
        self._session = session
        self._socket = websocket
        self._standing = ConnectionGuard(service, session)
        self._taken = asyncio.Event()
        self._released = asyncio.Event()
        self._code = BROKEN
        session.connection = self

    async def run(self, attach: str | None = None) -> int:
        """Serve the connection to its end; return the close code. `attach` names a stream."""
        outbox = self._session.outbox
        work = (
            self._read(attach),
            outbox.run(self._socket.send_text),
            self._report(),
            self._watch_overflow(),
            self._watch_taken(),
            self._standing.watch(),
        )
        tasks = [asyncio.create_task(part) for part in work]
        hangup = None
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            hangup = next((_hangup(task.exception()) for task in tasks if task in done), None)
            if hangup is not None and not self._taken.is_set():
                await self._part(hangup)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._session.connection is self:
                self._session.detach()
            self._released.set()
        if self._taken.is_set():
            await self._tell_taken()
            return 4409
        return self._code if hangup is None else hangup.code

    async def give_up(self) -> None:
        """Let another connection have the session; returns once this one touches it no more."""
        self._taken.set()
        await self._released.wait()

    async def _part(self, hangup: CloseConnection) -> None:
        """Send what is left, then close; a client that does not read is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._session.outbox.drained()
        await self._close(hangup.code, hangup.error.code if hangup.error else "")

    async def _tell_taken(self) -> None:
        taken = ClosedError(
            "another connection has resumed this session; this one is over", code="session_taken"
        )
        with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._socket.send_json(events.error(taken, fatal=True))
        await self._close(4409, taken.code)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._socket.close(code, reason)

    async def _read(self, attach: str | None) -> None:
        """Take in messages until the client leaves."""
        if attach is not None:
            self._session.attach_stream(attach)
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                if "reason" in message or message.get("code") == 1012:
                    self._code = message["code"]  # else it is the server's word for a broken one
                return
            self._standing.check(message)
            if message.get("bytes") is not None:
                self._session.take_bytes(message["bytes"])
            else:
                self._session.take_text(message["text"])
            await asyncio.sleep(0)  # a burst that is here already must not hold up everybody else

    async def _report(self) -> None:
        """Send statistics for ever."""
        while True:
            await asyncio.sleep(self._service.settings.stats_seconds)
            self._session.handler.streams.report()

    async def _watch_overflow(self) -> None:
        """Give up a client that does not read."""
        await self._session.outbox.overflowed.wait()
        raise CloseConnection(1013, LimitError("", code="slow_consumer"))

    async def _watch_taken(self) -> None:
        await self._taken.wait()


def _hangup(error: BaseException | None) -> CloseConnection | None:
    """Return how a connection is to be closed whose task ended so; None: the client is gone."""
    if error is None or isinstance(error, WebSocketDisconnect | OSError):
        return None
    if isinstance(error, CloseConnection):
        return error
    log.error("a session failed", exc_info=error)
    return CloseConnection(1011, internal())
