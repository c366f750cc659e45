"""What a connection is made with, and what a question may say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypedDict

from longwatch.client.http import read
from longwatch.client.transport import open_websocket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longwatch.client.reconnect import Notice, Reconnect
    from longwatch.client.transport import Ca, Transport


class Sampling(TypedDict, total=False):
    """How the next word is chosen; what is left out is the server's default, the likeliest word."""

    temperature: float
    top_p: float
    seed: int
    stop: list[str]


class Options(TypedDict, total=False):
    """Of `connect`; what is left out is as it says there."""

    api_key: str | None
    timeout: float
    ca: Ca
    reconnect: Reconnect | None
    on_notice: Callable[[Notice], None] | None


class Dialer:
    """Reaches one service, again and again."""

    def __init__(self, url: str, api_key: str | None, timeout: float, ca: Ca) -> None:
        self._url = url
        self._api_key = api_key
        self._timeout = timeout
        self._ca = ca

    async def open(self, query: Mapping[str, str] | None = None) -> Transport:
        """Open a connection; `query` names the session to be resumed. See `open_websocket`."""
        return await open_websocket(
            self._url, api_key=self._api_key, timeout=self._timeout, ca=self._ca, query=query
        )

    async def read(self, path: str) -> tuple[bytes, dict[str, str]]:
        """Return what the service has at `path`, and its headers; see `client.http.read`."""
        reading = (self._url, path, self._api_key, self._timeout, self._ca)
        return await asyncio.to_thread(read, *reading)
