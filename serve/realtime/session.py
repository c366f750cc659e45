"""Sessions: the state of one, which outlives a broken connection, and the registry of all."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from longwatch.errors import ForbiddenError, LongwatchError, NotFoundError, ProtocolError
from longwatch.serve.auth.principal import current
from longwatch.serve.observability.context import log_context
from longwatch.serve.protocol.errors import CloseConnection, internal
from longwatch.serve.protocol.validation import load_json
from longwatch.serve.realtime import events
from longwatch.serve.realtime.handler import Handler
from longwatch.serve.realtime.messages import event_id, parse
from longwatch.serve.realtime.outbox import NUMBERED, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.service import Service

log = logging.getLogger(__name__)
NOT_JSON = 2  # messages that are not JSON, until the connection is closed


class ClientConnection(Protocol):
    """The connection that a session has now."""

    async def give_up(self) -> None:
        """Let another connection have the session; returns once this one touches it no more."""


class Session:
    """Answers in order, keeps what it said for a while, and knows nothing of other sessions."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.token = secrets.token_urlsafe(24)
        """Whoever knows it may resume the session, with the key that it was begun with."""
        self.key = current().id
        self.outbox = Outbox(settings.send_queue_bytes, settings.resume_bytes)
        self.allowance = service.authenticator.allowance(current())
        self.handler = Handler(service, self.outbox, self._complain, self.allowance)
        self.connection: ClientConnection | None = None
        self._service = service
        self._not_json = 0

    @property
    def id(self) -> str:
        """The session's id."""
        return self.handler.id

    def begin(self) -> None:
        """Greet the client of a new session."""
        told = self.handler.json()
        told["lw"]["resume"] = self._resume() if self._service.settings.resume_seconds else None
        self.outbox.put(events.event("session.created", session=told))

    def resume(self, after: str) -> bool:
        """Go on for a new connection, from the event with the id `after`; False: that is gone."""
        number = after.removeprefix(NUMBERED)
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            return False
        last = f"{NUMBERED}{self.outbox.newest}"
        greeting = events.event("lw.session.resume", **self._resume(), last_event_id=last)
        return self.outbox.resume(int(number), greeting)

    def detach(self) -> None:
        """Let go of the connection and of the streams that it fed; answers go on."""
        self.connection = None
        self.outbox.detach()
        self.handler.streams.release()

    def close(self) -> None:
        """Stop the answers and leave the streams."""
        self.handler.close()

    def attach_stream(self, name: str) -> None:
        """Follow the stream that the connection's address names, or hang up."""

        def attach() -> None:
            try:
                self.handler.streams.attach(name)
            except LongwatchError as error:
                code = 4403 if isinstance(error, ForbiddenError) else 4404
                raise CloseConnection(code, error) from None

        self._guard(None, attach)

    def take_bytes(self, message: bytes) -> None:
        """Take in a binary message."""
        self._guard(None, lambda: self.handler.frames.binary(message))

    def take_text(self, text: str) -> None:
        """Take in a text message."""
        try:
            data = load_json(text)
        except ProtocolError as error:
            self._not_json += 1
            self.tell(error, fatal=self._not_json >= NOT_JSON)
            if self._not_json >= NOT_JSON:
                raise CloseConnection(1007, error) from None
            return
        self._guard(event_id(data), lambda: self.handler.handle(parse(data)))

    def tell(
        self,
        error: LongwatchError,
        cause: str | None = None,
        *,
        fatal: bool = False,
        stream: str | None = None,
    ) -> None:
        """Tell the client of an error."""
        self._service.metrics.errors.labels(error.code).inc()
        self.outbox.put(events.error(error, cause, fatal=fatal, stream=stream))

    def _resume(self) -> dict[str, object]:
        return {"token": self.token, "ttl_s": self._service.settings.resume_seconds}

    def _guard(self, cause: str | None, work: Callable[[], None]) -> None:
        """Do `work`; tell what goes wrong, and go on unless it is a `CloseConnection`."""
        try:
            work()
        except CloseConnection as hangup:
            if hangup.error is not None:
                self.tell(hangup.error, cause, fatal=True)
            raise
        except LongwatchError as error:
            self.tell(error, cause)
        except Exception:  # a bug in one event must not end the others
            log.exception("an event could not be handled")
            self.tell(internal(), cause)

    def _complain(self, error: LongwatchError, stream: str) -> None:
        self.tell(error, stream=stream)


BROKEN = 1006  # the close code of a connection that ended without one
RESUMABLE = (1001, BROKEN, 1011, 1013)  # codes after which the client may come back


class SessionRegistry:
    """Finds sessions by their token, and ends those that nobody came back to.

    At most `most` wait without a connection, for at most `seconds`; beyond that the one that
    waits longest is ended. All on the event loop's thread.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._by_token: dict[str, Session] = {}
        self._detached: dict[str, asyncio.TimerHandle] = {}  # the one that waits longest first

    @property
    def detached(self) -> int:
        """How many sessions wait for their clients."""
        return len(self._detached)

    def all(self) -> list[Session]:
        """Return all sessions, oldest first."""
        return list(self._by_token.values())

    def add(self, session: Session) -> None:
        """Take in a new session."""
        self._by_token[session.token] = session

    async def resume(self, token: str, after: str) -> Session:
        """Return the session with this token, ready for a new connection; the old one gives way.

        Raises:
            NotFoundError: there is none, it is another key's, or it cannot tell all that came
                after the event `after` (`resume_expired`); it is ended then.
        """
        session = self._by_token.get(token)
        if session is None or session.key != current().id:
            raise _expired()
        while session.connection is not None:
            await session.connection.give_up()
        timer = self._detached.pop(token, None)
        if timer is not None:
            timer.cancel()
        if token not in self._by_token:  # it came to its end meanwhile
            raise _expired()
        if not session.resume(after):
            self._end(session)
            raise _expired()
        return session

    def leave(self, session: Session, code: int) -> None:
        """Take in that a connection of `session` ended with the close code `code`."""
        if session.connection is not None or code == 4409:
            return  # another one has it
        if code not in RESUMABLE or not self._seconds or session.token not in self._by_token:
            self._end(session)
            return
        loop = asyncio.get_running_loop()
        self._detached[session.token] = loop.call_later(self._seconds, self._expire, session)
        while len(self._detached) > self._most:
            self._expire(self._by_token[next(iter(self._detached))])

    def announce(self, time_left_ms: int) -> None:
        """Tell all sessions that have a connection that the service ends within this time."""
        event = events.event("lw.go_away", reason="drain", time_left_ms=time_left_ms)
        for session in self.all():
            session.outbox.put_alone(event)

    async def flush(self, seconds: float) -> None:
        """Wait until all that waits for clients was sent, for at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for session in self.all():
                    await session.outbox.drained()

    def close(self) -> None:
        """End all sessions."""
        for session in self.all():
            self._end(session)

    def _expire(self, session: Session) -> None:
        log.info("a session was not resumed", extra={"session": session.id})
        self._end(session)

    def _end(self, session: Session) -> None:
        timer = self._detached.pop(session.token, None)
        if timer is not None:
            timer.cancel()
        self._by_token.pop(session.token, None)
        with log_context(session=session.id):  # another one's end may be the cause
            session.close()


def _expired() -> NotFoundError:
    return NotFoundError(
        "the session is over, or what it said since then is not kept any more; this is a new one: "
        "attach to your streams again, and ask again what was not answered",
        code="resume_expired",
        param="resume",
    )
