"""Requests and their replies over one session, whose connection may break off and come back.

After a break, streams and watches are taken up again.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from longwatch.client.reconnect import (
    CODES,
    Notice,
    Reconnection,
    ResumePoint,
    number_of,
    reestablish,
)
from longwatch.client.router import Router
from longwatch.client.streams import Publisher
from longwatch.client.watches import Watch
from longwatch.errors import ClosedError, LongwatchError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from longwatch.client.reconnect import Reconnect
    from longwatch.client.streams import StreamView
    from longwatch.client.transport import Transport


class Session:
    """Sends requests, and lets one task read whatever comes in; `router` says whose it is.

    With `reconnect` a connection that breaks off is tried again. Requests whose replies were not
    among what the server had to say since then never reached it, and are sent again.
    """

    def __init__(
        self,
        opener: Callable[[Mapping[str, str]], Awaitable[Transport]],
        timeout: float,
        reconnect: Reconnect | None = None,
        notify: Callable[[Notice], None] | None = None,
    ) -> None:
        self.router = Router()
        self._opener = opener
        self._timeout = timeout  # seconds, for each reply
        self._reconnect = reconnect
        self._notify = notify or (lambda _: None)
        self._place = ResumePoint()
        self._transport: Transport | None = None
        self._reader: asyncio.Task[None] | None = None
        self._streams: asyncio.Task[None] | None = None  # takes them up after a break
        self._connected = asyncio.Event()
        self._pending: dict[str, list[str]] = {}  # requests without a reply, by their id
        self._unsure: list[str] = []  # those of them that may not have reached the server
        self._replayed = 0  # number of the last event that the server sends again
        self._ids = count(1)

    @property
    def up(self) -> bool:
        """Whether the connection stands."""
        return self._connected.is_set()

    async def open(self) -> dict[str, Any]:
        """Connect and return the server's `session.created`.

        Raises:
            ClosedError: nothing answers at the address.
            ServerError: the server refused us.
        """
        self._transport = await self._opener({})
        self._connected.set()
        with self.router.expect("session.created") as created:
            self._reader = asyncio.create_task(self._run(self._transport))
            try:
                return await self._within(created, "the connection")
            except BaseException:
                await self.aclose()
                raise

    async def aclose(self) -> None:
        """Close the connection; whatever still waits ends with `ClosedError`. Again: nothing."""
        self._reconnect = None
        self._lose(ClosedError("this client was closed; connect again"))
        if self._transport is not None:
            await self._transport.aclose()
        for task in (self._reader, self._streams):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def request(self, event: dict[str, Any], kind: str, subject: str) -> dict[str, Any]:
        """Send `event` and return the event of type `kind` about `subject` that answers it.

        Raises:
            ServerError: an error came instead.
            ClosedError: nothing came in time, or the connection is gone.
        """
        event_id = f"c{next(self._ids)}"
        return await self._ask(event_id, [{**event, "event_id": event_id}], kind, subject)

    async def command(self, event: dict[str, Any]) -> None:
        """Send `event` and wait until the server has carried it out, whatever it replies.

        The server takes events in their order, so the pong to a ping that follows says so.

        Raises:
            ServerError: an error came instead.
            ClosedError: nothing came in time, or the connection is gone.
        """
        event_id = f"c{next(self._ids)}"
        ping = {"type": "lw.ping", "t": event_id}
        await self._ask(event_id, [{**event, "event_id": event_id}, ping], "lw.pong", event_id)

    async def notify(self, event: dict[str, Any]) -> None:
        """Send `event`, to which no reply is awaited."""
        await self.send(json.dumps(event))

    async def send(self, message: str | bytes) -> None:
        """Send one message; waits while the server does not keep up, or is being reached again.

        Raises:
            ClosedError: the connection is gone, or was never opened.
        """
        if self._transport is None:
            raise ClosedError("this client is not connected; use it in `async with`")
        await self._connected.wait()
        if self.router.lost is not None:
            raise self.router.lost
        try:
            await self._transport.send(message)
        except ClosedError:
            if self._reconnect is None:
                raise  # else the reader finds out, and requests are sent again

    async def _ask(
        self, event_id: str, events: list[dict[str, Any]], kind: str, subject: str
    ) -> dict[str, Any]:
        """Send events and return the reply; they are sent again if they did not arrive."""
        texts = [json.dumps(event) for event in events]
        with self.router.expect(kind, subject, event_id) as reply:
            try:
                await self._connected.wait()
                self._pending[event_id] = texts
                for text in texts:
                    await self.send(text)
                return await self._within(reply, events[0]["type"])
            finally:
                self._pending.pop(event_id, None)

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

    async def _run(self, transport: Transport) -> None:
        """Hand out what comes in, over one connection after another."""
        while True:
            lost = await self._read(transport)
            reconnect = self._reconnect
            if reconnect is None or transport.close_code not in CODES:
                self._lose(lost)
                await transport.aclose()
                return
            began = self._cut(str(lost))
            try:
                returned = await reestablish(self._opener, self._place, reconnect, self._timeout)
            except LongwatchError as failure:
                self._lose(failure)
                return
            transport = returned.transport
            await self._back(returned, time.monotonic() - began)

    async def _read(self, transport: Transport) -> LongwatchError:
        """Hand out what comes in, until the connection ends; return how."""
        try:
            while True:
                message = await transport.recv()
                if isinstance(message, str):  # a server sends no binary message
                    self._take(json.loads(message))
                    await self._send_again()
        except LongwatchError as lost:
            return lost
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            await transport.aclose()
            return ClosedError(f"the server sent what is no event of the protocol ({broken!r})")

    def _take(self, event: dict[str, Any]) -> None:
        self._place.take(event)
        if event["type"] == "lw.go_away":
            left = event.get("time_left_ms", 0) / 1000
            self._notify(Notice("going_away", str(event.get("reason")), left))
        self.router.take(event)

    def _cut(self, reason: str) -> float:
        """Take in that the connection broke off; return when, on the monotonic clock."""
        self._connected.clear()
        if self._streams is not None:
            self._streams.cancel()
        self._unsure = list(self._pending)
        self.router.cut()
        self._notify(Notice("lost", reason))
        return time.monotonic()

    async def _back(self, returned: Reconnection, seconds: float) -> None:
        """Go on over a connection that is back after `seconds`."""
        self._transport = returned.transport
        self._place.take(returned.first)
        self._replayed = number_of(returned.first.get("last_event_id"))
        if not returned.resumed:
            over = "the server has forgotten this session, and what was under way in it; ask again"
            self.router.restart(ClosedError(over, code="resume_expired"))
        self._connected.set()
        kind, resumed = ("resumed", True) if returned.resumed else ("restarted", False)
        self._notify(Notice("resumed" if resumed else "restarted", kind, seconds))
        await self._send_again()
        self._streams = asyncio.create_task(restore_after_reconnect(self, resumed=resumed))

    async def _send_again(self) -> None:
        """Once all that was missed is here: what has no reply yet did not arrive."""
        if self._unsure and self._place.last >= self._replayed:
            unsure, self._unsure = self._unsure, []
            for event_id in unsure:
                for text in self._pending.get(event_id, []):
                    with suppress(ClosedError):  # cut off again, which the reader finds out
                        await self.send(text)

    def _lose(self, error: LongwatchError) -> None:
        """End all that waits with `error`."""
        self.router.lose(error)
        self._connected.set()  # for those who wait for it, to find out


async def create_watch(channel: Session, watch: Watch) -> None:
    """Let the server make a watch; see `Client.watch_for` for what is raised."""
    async with channel.router.await_watch(watch):
        await channel.request(watch.opening, "lw.watch.created", "")


async def restore_after_reconnect(channel: Session, *, resumed: bool) -> None:
    """Feed again what was fed, and follow what was followed where the session is a new one.

    Watches come first: a stream that is followed again tells of their next firing, not of those
    that were missed.
    """
    router = channel.router
    every: list[Watch | StreamView] = [] if resumed else list(router.watches.values())
    every += router.views.values()
    for one in every:
        try:
            if isinstance(one, Watch):
                await _watch(channel, one)
            elif isinstance(one, Publisher):
                await _feed(channel, one)
            elif not resumed:
                await _attach(channel, one)
        except ClosedError:
            if channel.router.lost is None and not channel.up:
                return  # cut off again; the next time begins anew
            raise
        except LongwatchError as refused:  # somebody else feeds it now, or it is gone
            one.lose(refused)


async def _watch(channel: Session, watch: Watch) -> None:
    """Follow a watch again; a server that has forgotten it makes it anew, unless it had ended.

    It ends here if somebody deleted it meanwhile.
    """
    try:
        await watch.follow()
    except ServerError as gone:
        if gone.code not in {"watch_not_found", "watch_deleted"}:
            raise
        del channel.router.watches[watch.id]
        if gone.code == "watch_deleted":
            watch.take({"type": "lw.watch.deleted"})
        elif watch.state != "ended":
            await create_watch(channel, watch)


async def _attach(channel: Session, view: StreamView) -> str:
    """Follow a stream and return its state."""
    event = {"type": "lw.stream.attach", "stream": view.stream}
    reply = await channel.request(event, "lw.stream.state", view.stream)
    return str(reply["state"])


async def _feed(channel: Session, publisher: Publisher) -> None:
    """Open a publisher's stream again, unless the server has all that it wanted to send."""
    if publisher.left:
        return
    if publisher.ended and await _attach(channel, publisher) == "ended":
        publisher.back()
        return
    await channel.request(publisher.opening, "lw.stream.opened", publisher.stream)
    if publisher.ended:
        await publisher.end_again()
