"""One session: its state, which outlives a connection that breaks off."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Protocol

from longwatch.errors import ForbiddenError, LongwatchError, ProtocolError
from longwatch.serve.auth.principal import current
from longwatch.serve.protocol.errors import Hangup, internal
from longwatch.serve.protocol.validation import load
from longwatch.serve.realtime import events
from longwatch.serve.realtime.handler import Handler
from longwatch.serve.realtime.outbox import NUMBERED, Outbox
from longwatch.serve.realtime.parse import event_id, parse

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
        self.allowance = service.access.allowance(current())
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
                raise Hangup(code, error) from None

        self._guard(None, attach)

    def take_bytes(self, message: bytes) -> None:
        """Take in a binary message."""
        self._guard(None, lambda: self.handler.frames.binary(message))

    def take_text(self, text: str) -> None:
        """Take in a text message."""
        try:
            data = load(text)
        except ProtocolError as error:
            self._not_json += 1
            self.tell(error, fatal=self._not_json >= NOT_JSON)
            if self._not_json >= NOT_JSON:
                raise Hangup(1007, error) from None
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
        """Do `work`; what goes wrong is told, and the session goes on unless it is a `Hangup`."""
        try:
            work()
        except Hangup as hangup:
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
