"""Whose key or ticket a request carries, and what that one uses now."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.errors import AuthenticationError, LimitError
from longwatch.serve.auth.keys import KeyStore
from longwatch.serve.auth.limits import KeyUsage, RateLimiter, RateLimits, TokenBucket
from longwatch.serve.auth.principal import EVERYONE, Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longwatch.serve.auth.settings import AccessSettings

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


FAILURES = 10  # wrong keys that an address may send at once
FAILURES_A_SECOND = 0.1
ADDRESSES = 4096  # that are remembered, the newest ones
STRANGERS = 32  # connections that have not said yet who they are


class Authenticator:
    """The keys of one service, or none, where everybody may do everything.

    Raises:
        ConfigError: the file of keys cannot be used.
    """

    def __init__(self, settings: AccessSettings) -> None:
        self._settings = settings
        self._ring = KeyStore(Path(settings.keys).expanduser()) if settings.keys else None
        self._tickets = Tickets()
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()
        self._waiting = 0
        self._usage: dict[str, KeyUsage] = {}

    @property
    def needs_keys(self) -> bool:
        """Whether anybody must say who it is."""
        return self._ring is not None

    def identify(self, token: str | None, address: str = "") -> Principal:
        """Return who sent a key; where none are needed, that is `EVERYONE` whatever was sent.

        Raises:
            AuthenticationError: no key (`missing_key`), or none that is valid now.
            LimitError: too many wrong ones came from `address`; a right one is always taken.
        """
        if self._ring is None:
            return EVERYONE
        if not token:
            raise AuthenticationError(
                "this service needs a key; send it as `Authorization: Bearer KEY`",
                code="missing_key",
            )
        return self._known(self._ring.find(token), address)

    def admit(self, token: str, address: str = "") -> Principal:
        """Return who sent a key or a ticket as a websocket's first message; see `identify`."""
        return self.redeem(token, address) if token[:4] == PREFIX else self.identify(token, address)

    def redeem(self, ticket: str, address: str = "") -> Principal:
        """Return for whom a ticket was issued, and take it; raises as `identify` does."""
        if self._ring is None:
            return EVERYONE
        found = self._tickets.redeem(ticket)
        return self._known(found if found and self.is_valid(found) else None, address)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a page to say who it is; `LimitError` while too many are waited for."""
        if self._waiting >= STRANGERS:
            raise LimitError(
                f"{STRANGERS} pages have connected and not said who they are; try again",
                code="too_many_sessions",
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def issue(self, principal: Principal) -> str:
        """Return a ticket; see `Tickets.issue`."""
        return self._tickets.issue(principal)

    def is_valid(self, principal: Principal) -> bool:
        """Tell whether a key that was found is valid still: not revoked, changed or expired."""
        return self._ring is None or self._ring.is_valid(principal)

    def usage(self, principal: Principal) -> KeyUsage:
        """Return what a key uses; without keys, all use one."""
        return self._usage.setdefault(principal.id, KeyUsage(self._settings))

    def allowance(self, principal: Principal) -> RateLimiter:
        """Return a new session's share of the rates."""
        given = self._settings
        rates = RateLimits(given.session_questions, given.session_frames, given.session_bytes)
        return RateLimiter(rates, self.usage(principal).allowance)

    def _known(self, found: Principal | None, address: str) -> Principal:
        if found is not None:
            return found
        wait = self._failed(address)
        if wait:
            raise LimitError(
                "too many wrong keys came from this address; correct the key and try later",
                code="too_many_failures",
                retry_after=wait,
            )
        raise AuthenticationError(
            "the key is not valid here; it may be mistyped, revoked or expired: ask for a new one"
        )

    def _failed(self, address: str) -> float:
        """Count a failure; return the seconds until the next one is looked at, 0 if it may be."""
        bucket = self._failures.pop(address, None) or TokenBucket(FAILURES_A_SECOND, FAILURES)
        self._failures[address] = bucket
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        return bucket.take()
