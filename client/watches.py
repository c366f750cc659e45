"""Standing conditions in words, and their firings as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType
    from typing import Self

    from longwatch.errors import LongwatchError


class Requests(Protocol):
    """What sends requests to the server."""

    async def request(self, event: dict[str, Any], kind: str, subject: str) -> dict[str, Any]:
        """Send `event` and return the event of type `kind` about `subject` that answers it."""
        ...


@dataclass(frozen=True, slots=True)
class Firing:
    """A condition that came true."""

    watch: str  # the watch's id
    stream: str
    time: float  # seconds on the stream's clock
    text: str
    score: float  # probability that it is true, 0 to 1
    pictures: tuple[str, ...] = ()  # paths of the frames that show it
    number: int = 0  # among the firings of its watch, from 1 on

    @classmethod
    def parse(cls, event: dict[str, Any]) -> Firing:
        """Return what an `lw.watch.fired` event says."""
        pictures = tuple(str(frame["url"]) for frame in event.get("evidence") or ())
        return cls(
            str(event["watch_id"]),
            str(event["stream"]),
            event["pts_us"] / 1e6,
            str(event.get("text", "")),
            float(event.get("score") or 0.0),
            pictures,
            int(event.get("number") or 0),
        )


class Watch:
    """A watch that this client made: iterate over it for its firings.

    It stays on the server when the client leaves, and tells others who follow its streams; `delete`
    forgets it, as leaving `async with` does. After a break it goes on with what was missed, and a
    server that has forgotten it meanwhile is asked to make it again, under another id.
    """

    def __init__(self, channel: Requests, opening: dict[str, Any]) -> None:
        self.id = ""
        self.condition = str(opening["condition"])
        self.opening = opening
        """What the server was asked for."""
        self.state = "armed"
        """`armed`, `fired`, `paused` or `ended`, as the server last said."""
        self._channel = channel
        self._heard = 0  # number of the newest firing that came
        self._news: asyncio.Queue[Firing | None] = asyncio.Queue()
        self._lost: LongwatchError | None = None

    async def __aenter__(self) -> Self:
        """Return the watch itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget it, unless the connection is gone."""
        if self._lost is None:
            await self.delete()

    async def __aiter__(self) -> AsyncIterator[Firing]:
        """Yield each firing as it comes, until the watch ends or is deleted.

        Raises:
            ClosedError: the connection is gone.
        """
        while (firing := await self.next()) is not None:
            yield firing

    async def next(self) -> Firing | None:
        """Wait for the next firing and return it; None when there will be no more."""
        firing = await self._news.get()
        if firing is None:
            self._news.put_nowait(None)  # for whoever asks again
            if self._lost is not None:
                raise self._lost
        return firing

    async def delete(self) -> None:
        """Forget the watch.

        Raises:
            ServerError: it is gone already.
            ClosedError: the connection is gone.
        """
        event = {"type": "lw.watch.delete", "watch_id": self.id}
        await self._channel.request(event, "lw.watch.deleted", self.id)

    # The client's reader calls what follows.

    def begin(self, watch: dict[str, Any]) -> None:
        """Take in that the server made it."""
        self.id, self._heard = watch["id"], int(watch.get("fired") or 0)
        self.take({"type": "lw.watch.state", **watch})

    async def follow(self) -> None:
        """Hear of it in a new session, first what was missed.

        Raises:
            ServerError: there is no such watch (`watch_not_found`), or it was deleted
                (`watch_deleted`).
            ClosedError: the connection is gone.
        """
        event = {"type": "lw.watch.attach", "watch_id": self.id, "after": self._heard}
        await self._channel.request(event, "lw.watch.attached", self.id)

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event about this watch."""
        if event["type"] == "lw.watch.fired":
            self._hear(Firing.parse(event))
        elif event["type"] == "lw.watch.deleted":
            self._news.put_nowait(None)
        elif event["type"] == "lw.watch.state":
            self.state = event.get("state", self.state)
            if self.state == "ended":
                self._news.put_nowait(None)

    def _hear(self, firing: Firing) -> None:
        if firing.number > self._heard or not firing.number:
            self._heard = max(self._heard, firing.number)
            self._news.put_nowait(firing)

    def lose(self, error: LongwatchError) -> None:
        """Let whoever waits know that nothing more will come, and why."""
        self._lost = error
        self._news.put_nowait(None)
