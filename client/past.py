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

    async def picture(
        self, stream: str, time: float, *, within: float = 5.0, width: int | None = None
    ) -> Picture:
        """Return the picture nearest to `time`, in seconds, at most `within` seconds away.

        It is at most `width` pixels wide, 16 to 4096; it is kept small, and never made larger.

        Raises:
            ServerError: there is none (code `http_404`), or the server refused (`http_422`: the
                width).
            ClosedError: the service does not answer.
        """
        path = f"/v1/streams/{quote(stream, safe='')}/frames/{round(time * 1e6)}.jpg"
        narrow = "" if width is None else f"&width={width}"
        jpeg, headers = await self._read(f"{path}?within_us={round(within * 1e6)}{narrow}")
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

    def picture(
        self, stream: str, time: float, *, within: float = 5.0, width: int | None = None
    ) -> Picture:
        """Return the picture nearest to `time`; see `longwatch.client.Client.picture`."""
        asked = self.asynchronous.picture(stream, time, within=within, width=width)
        found: Picture = self.run(asked)
        return found

    def timeline(self, stream: str) -> dict[str, Any]:
        """Return what is held of a stream; see `longwatch.client.Client.timeline`."""
        found: dict[str, Any] = self.run(self.asynchronous.timeline(stream))
        return found
