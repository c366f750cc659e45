"""Tickets: what a web page connects with in place of a key, once and within a minute."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from longwatch.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.auth.principal import Principal

PREFIX = "lwt_"
SECONDS = 60.0
MOST = 1024  # that wait to be used; they are few, as each lives for a minute


class Tickets:
    """Gives tickets out and takes each of them back once. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[float, Principal]] = {}  # oldest first

    def issue(self, principal: Principal) -> str:
        """Return a new ticket for whoever asks; `LimitError` when too many wait to be used."""
        self._forget_old()
        if len(self._open) >= MOST:
            raise LimitError(
                f"{MOST} tickets wait to be used, which is the limit; ask again in a minute",
                retry_after=SECONDS,
            )
        ticket = PREFIX + secrets.token_urlsafe(32)
        self._open[ticket] = (self._clock() + SECONDS, principal)
        return ticket

    def redeem(self, ticket: str) -> Principal | None:
        """Return for whom a ticket was issued; None if it is none, used already, or too old.

        A look-up by hash tells nothing useful by its time of 256 random bits that die at once.
        """
        self._forget_old()
        found = self._open.pop(ticket, None)
        return None if found is None else found[1]

    def _forget_old(self) -> None:
        now = self._clock()
        while self._open and next(iter(self._open.values()))[0] <= now:
            del self._open[next(iter(self._open))]
