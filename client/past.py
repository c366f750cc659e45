"""What a stream showed: its pictures and its timeline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from longwatch.client.base import Blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Picture(NamedTuple):
    """A small JPEG of one frame."""

    time: float  # seconds on the stream's clock; that of the nearest picture that is kept
    jpeg: bytes


class Looking:
    """What a client can see of the past."""

    _read: Callable[[str], Awaitable[tuple[bytes, dict[str, str]]]]

    async def picture(self, stream: str, time: float, *, within: float = 5.0) -> Picture:
        """Return the picture nearest to `time`, in seconds, at most `within` seconds away.

        Raises:
            ServerError: there is none (code `http_404`), or the server refused.
            ClosedError: the service does not answer.
        """
        path = f"/v1/streams/{quote(stream, safe='')}/frames/{round(time * 1e6)}.jpg"
        jpeg, headers = await self._read(f"{path}?within_us={round(within * 1e6)}")
        return Picture(int(headers["x-longwatch-pts-us"]) / 1e6, jpeg)

    async def timeline(self, stream: str) -> dict[str, Any]:
        """Return what is held of a stream, stretch by stretch, as it stands on the wire.

        Raises:
            ServerError: there is no such stream, or the server refused.
            ClosedError: the service does not answer.
        """
        body, _ = await self._read(f"/v1/streams/{quote(stream, safe='')}/timeline")
        found: dict[str, Any] = json.loads(body)
        return found


class BlockingLooking(Blocking):
    """The same for programs without an event loop."""

    def picture(self, stream: str, time: float, *, within: float = 5.0) -> Picture:
        """Return the picture nearest to `time`; see `longwatch.client.Client.picture`."""
        found: Picture = self.run(self.asynchronous.picture(stream, time, within=within))
        return found

    def timeline(self, stream: str) -> dict[str, Any]:
        """Return what is held of a stream; see `longwatch.client.Client.timeline`."""
        found: dict[str, Any] = self.run(self.asynchronous.timeline(stream))
        return found
