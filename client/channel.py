"""Requests and their replies over one transport."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from longwatch.client.router import Router
from longwatch.errors import ClosedError, LongwatchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from longwatch.client.transport import Transport


class Channel:
    """Sends requests, and lets one task read whatever comes in; `router` says whose it is."""

    def __init__(self, opener: Callable[[], Awaitable[Transport]], timeout: float) -> None:
        self.router = Router()
        self._opener = opener
        self._timeout = timeout  # seconds, for each reply
        self._transport: Transport | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ids = count(1)

    async def open(self) -> dict[str, Any]:
        """Connect and return the server's `session.created`.

        Raises:
            ClosedError: nothing answers at the address.
            ServerError: the server refused us.
        """
        self._transport = await self._opener()
        with self.router.expect("session.created") as created:
            self._reader = asyncio.create_task(self._read(self._transport))
            try:
                return await self._within(created, "the connection")
            except BaseException:
                await self.aclose()
                raise

    async def aclose(self) -> None:
        """Close the connection; whatever still waits ends with `ClosedError`. Again: nothing."""
        self.router.lose(ClosedError("this client was closed; connect again"))
        if self._transport is not None:
            await self._transport.aclose()
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    async def request(self, event: dict[str, Any], kind: str, subject: str) -> dict[str, Any]:
        """Send `event` and return the event of type `kind` about `subject` that answers it.

        Raises:
            ServerError: an error came instead.
            ClosedError: nothing came in time, or the connection is gone.
        """
        event_id = f"c{next(self._ids)}"
        with self.router.expect(kind, subject, event_id) as reply:
            await self.notify({**event, "event_id": event_id})
            return await self._within(reply, event["type"])

    async def command(self, event: dict[str, Any]) -> None:
        """Send `event` and wait until the server has carried it out, whatever it replies.

        The server takes events in their order, so the pong to a ping that follows says so.

        Raises:
            ServerError: an error came instead.
            ClosedError: nothing came in time, or the connection is gone.
        """
        event_id = f"c{next(self._ids)}"
        with self.router.expect("lw.pong", event_id, event_id) as reply:
            await self.notify({**event, "event_id": event_id})
            await self.notify({"type": "lw.ping", "t": event_id})
            await self._within(reply, event["type"])

    async def notify(self, event: dict[str, Any]) -> None:
        """Send `event`, to which no reply is awaited."""
        await self.send(json.dumps(event))

    async def send(self, message: str | bytes) -> None:
        """Send one message; waits while the server does not keep up.

        Raises:
            ClosedError: the connection is gone, or was never opened.
        """
        if self.router.lost is not None:
            raise self.router.lost
        if self._transport is None:
            raise ClosedError("this client is not connected; use it in `async with`")
        await self._transport.send(message)

    async def _within(self, reply: asyncio.Future[dict[str, Any]], what: str) -> dict[str, Any]:
        """Return `reply` once it is there, within the client's timeout."""
        try:
            # Not wait_for: before Python 3.12 it loses a cancel that comes along with the reply.
            async with asyncio.timeout(self._timeout):
                return await reply
        except TimeoutError:
            raise ClosedError(
                f"the server did not reply to {what} within {self._timeout:g} s; it may be "
                "overloaded: try again later",
                code="timeout",
            ) from None

    async def _read(self, transport: Transport) -> None:
        """Hand out what comes in, until the connection ends."""
        try:
            while True:
                message = await transport.recv()
                if isinstance(message, str):  # a server sends no binary message
                    self.router.take(json.loads(message))
        except LongwatchError as lost:
            self.router.lose(lost)
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            self.router.lose(
                ClosedError(f"the server sent what is no event of the protocol ({broken!r})")
            )
            await transport.aclose()
