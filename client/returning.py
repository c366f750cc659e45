"""How a connection that broke off comes back: the same session where that is possible."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.errors import ClosedError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from longwatch.client.reconnect import Reconnect
    from longwatch.client.transport import Transport

LATER = ("rate_limit_error", "server_error")  # refusals that may not be the last word
NUMBERED = "evt_"  # before the number in the id of an event that can be replayed


class Returned(NamedTuple):
    """A connection that is back, and the first event on it."""

    transport: Transport
    first: dict[str, Any]

    @property
    def resumed(self) -> bool:
        """Whether the session is still the same."""
        return bool(self.first["type"] == "lw.session.resume")


class Place:
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


async def come_back(
    opener: Callable[[Mapping[str, str]], Awaitable[Transport]],
    place: Place,
    reconnect: Reconnect,
    patience: float,
) -> Returned:
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
                return Returned(transport, first)
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
