"""All sessions: those with a connection, and those whose clients may still come back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from longwatch.errors import NotFoundError
from longwatch.serve.auth.principal import current
from longwatch.serve.observability.context import about
from longwatch.serve.realtime import events

if TYPE_CHECKING:
    from longwatch.serve.realtime.session import Session

log = logging.getLogger(__name__)
BROKEN = 1006  # the close code of a connection that ended without one
RESUMABLE = (1001, BROKEN, 1011, 1013)  # codes after which the client may come back


class Sessions:
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
        with about(session=session.id):  # another one's end may be the cause
            session.close()


def _expired() -> NotFoundError:
    return NotFoundError(
        "the session is over, or what it said since then is not kept any more; this is a new one: "
        "attach to your streams again, and ask again what was not answered",
        code="resume_expired",
        param="resume",
    )
