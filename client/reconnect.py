"""How a connection that broke off comes back: how often it is tried, and from which event on."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from longwatch.errors import ClosedError, ConfigError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from longwatch.client.transport import Transport

# Close codes after which the session may be there still; after others trying again is of no use.
CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
JITTER = 0.2  # of each wait, so that not all clients of a restarted service come at once


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How long a client waits before each try; all in seconds."""

    first: float = 0.5  # before the first try; each further wait is twice as long
    most: float = 8.0
    seconds: float = 120.0  # of waiting in all, after which it gives up

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.first <= self.most:
            raise ConfigError(
                f"the first wait must be above 0 and at most the longest, {self.most:g} s, and "
                f"not {self.first:g} s"
            )

    def waits(self) -> Iterator[float]:
        """Yield the seconds to wait before each try, until it is time to give up."""
        wait, left = self.first, self.seconds
        while left > 0:
            yield wait * random.uniform(1 - JITTER, 1 + JITTER)
            left -= wait
            wait = min(self.most, 2 * wait)


RECONNECT = Reconnect()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to the connection, for whoever wants to show or to log it.

    `lost`: it broke off, and the client tries to come back. `resumed`: it is back, nothing was
    missed but the frames that could not be sent for `seconds`. `restarted`: it is back with a new
    session; answers that were under way have failed, streams are followed and fed again.
    `going_away`: the server ends within `seconds`.
    """

    kind: Literal["lost", "resumed", "restarted", "going_away"]
    reason: str
    seconds: float = 0.0


LATER = ("rate_limit_error", "server_error")  # refusals that may not be the last word
NUMBERED = "evt_"  # before the number in the id of an event that can be replayed


class Reconnection(NamedTuple):
    """A connection that is back, and the first event on it."""

    transport: Transport
    first: dict[str, Any]

    @property
    def resumed(self) -> bool:
        """Whether the session is still the same."""
        return bool(self.first["type"] == "lw.session.resume")


class ResumePoint:
    """Where a client stands in its session: how to resume it, and from which event on."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.last = 0  # number of the newest event that came

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event."""
        number = number_of(event.get("event_id"))
        if event["type"] == "session.created":
            lw = (event.get("session") or {}).get("lw") or {}
            self.token = (lw.get("resume") or {}).get("token")
            self.last = number
        self.last = max(self.last, number)

    @property
    def query(self) -> Mapping[str, str]:
        """What to ask for in the address."""
        return {"resume": self.token, "after": f"{NUMBERED}{self.last}"} if self.token else {}


def number_of(event_id: Any) -> int:
    """Return an event's number; 0 if it has none and cannot be replayed."""
    number = str(event_id or "").removeprefix(NUMBERED)
    return int(number) if number.isascii() and number.isdecimal() else 0


async def reestablish(
    opener: Callable[[Mapping[str, str]], Awaitable[Transport]],
    place: ResumePoint,
    reconnect: Reconnect,
    patience: float,
) -> Reconnection:
    """Try until a connection is there; `patience` is in seconds, for its first event.

    Raises:
        ClosedError: it was tried for long enough (`reconnect_failed`).
        ServerError: the server refused, and would again.
    """
    reason = "nothing was tried"
    for wait in reconnect.waits():
        await asyncio.sleep(wait)
        transport = None
        try:
            transport = await opener(place.query)
            async with asyncio.timeout(patience):
                first = json.loads(await transport.recv())
            if first["type"] in ("session.created", "lw.session.resume"):
                return Reconnection(transport, first)
            reason = f"it began with {first['type']}"
        except (ClosedError, TimeoutError, ValueError, KeyError, TypeError) as failure:
            reason = str(failure) or type(failure).__name__
        except ServerError as refused:
            if refused.kind not in LATER:
                raise
            reason = str(refused)
        if transport is not None:
            await transport.aclose()
    raise ClosedError(
        f"the connection is gone and did not come back in {reconnect.seconds:g} s ({reason}); "
        "connect again when the service can be reached",
        code="reconnect_failed",
    )
