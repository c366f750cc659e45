"""The websocket of a client, and whose certificates it trusts."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from longwatch.errors import ClosedError, InputError, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.asyncio.client import ClientConnection

Ca = str | Path | ssl.SSLContext | None


def trust(ca: Ca) -> ssl.SSLContext:
    """Return what checks a server's certificate: by the system's authorities, or those of `ca`.

    `ca` is a PEM file, or a context of the caller's own.

    Raises:
        InputError: the file cannot be read, or holds no certificate.
    """
    if isinstance(ca, ssl.SSLContext):
        return ca
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(Path(ca).expanduser()))
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"{str(ca)!r} holds no certificate ({error.strerror or error}); give a PEM file of the "
            "authority that signed the server's",
            param="ca",
        ) from None


_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_MESSAGE = 16 * 2**20  # bytes of one server event; answers are far smaller


class Transport(Protocol):
    """One duplex connection that carries whole messages, text or binary."""

    async def send(self, message: str | bytes) -> None:
        """Send one message; waits while the other side does not keep up.

        Raises:
            ClosedError: the connection is gone.
        """
        ...

    async def recv(self) -> str | bytes:
        """Return the next message; `ClosedError` when no more will come."""
        ...

    async def aclose(self) -> None:
        """Close the connection. Calling it again does nothing."""
        ...

    @property
    def close_code(self) -> int:
        """The websocket close code with which the connection ended; 1006 without a word."""
        ...


class WebSocketTransport:
    """A transport over a websocket that is already open."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:  # noqa: D102
        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise _lost(closed) from None

    async def recv(self) -> str | bytes:  # noqa: D102
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            raise _lost(closed) from None

    async def aclose(self) -> None:  # noqa: D102
        await self._socket.close()

    @property
    def close_code(self) -> int:  # noqa: D102
        return self._socket.close_code or 1006


class QueueTransport:
    """One end of an in-memory connection; `pair` makes the two ends."""

    def __init__(
        self, inbox: asyncio.Queue[str | bytes | None], outbox: asyncio.Queue[str | bytes | None]
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._closed = False

    async def send(self, message: str | bytes) -> None:  # noqa: D102
        if self._closed:
            raise ClosedError("the connection is closed; open another one")
        await self._outbox.put(message)

    async def recv(self) -> str | bytes:  # noqa: D102
        message = None if self._closed else await self._inbox.get()
        if message is None:
            self._closed = True
            raise ClosedError("the connection is closed; open another one")
        return message

    async def aclose(self) -> None:  # noqa: D102
        if not self._closed:
            self._closed = True
            await self._outbox.put(None)
            await self._inbox.put(None)

    @property
    def close_code(self) -> int:  # noqa: D102
        return 1000  # nothing breaks within one process


def pair() -> tuple[QueueTransport, QueueTransport]:
    """Return the two ends of one connection within this process."""
    here: asyncio.Queue[str | bytes | None] = asyncio.Queue()
    there: asyncio.Queue[str | bytes | None] = asyncio.Queue()
    return QueueTransport(here, there), QueueTransport(there, here)


def realtime_url(url: str) -> str:
    """Return the websocket address of the service at `url`, such as `http://127.0.0.1:8090`.

    Raises:
        InputError: `url` is not the address of a service.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        parts, usable = urlsplit(""), False
    if not usable:
        raise InputError(
            f"{url.rpartition('@')[2]!r} is not the address of a service; write it like http://127.0.0.1:8090",
            param="url",
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/v1/realtime"):
        path = path.removesuffix("/v1") + "/v1/realtime"
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, parts.query, ""))


async def open_websocket(
    url: str,
    *,
    api_key: str | None,
    timeout: float,  # noqa: ASYNC109 - the handshake's own limit
    ca: Ca = None,
    query: Mapping[str, str] | None = None,
) -> WebSocketTransport:
    """Open a websocket to the service at `url` within `timeout` seconds; see `trust` for `ca`.

    `query` is asked for in the address besides: the session to be resumed.

    Raises:
        InputError: `url` is not the address of a service.
        ClosedError: nothing answers there (code `server_unreachable`).
        ServerError: the server refused the connection; the code is the server's own.
    """
    address = realtime_url(url)
    if query:
        address += ("&" if "?" in address else "?") + urlencode(query)
    try:
        socket = await connect(
            address,
            additional_headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
            open_timeout=timeout,
            ssl=trust(ca) if address.startswith("wss:") else None,
            compression=None,  # pictures and video do not shrink, and deflate costs time
            max_size=_MAX_MESSAGE,
            ping_timeout=60,  # a busy laptop is not a dead one
            proxy=None if urlsplit(address).hostname in _LOOPBACK else True,
        )
    except InvalidStatus as refused:
        raise _refused(url, refused) from None
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as failure:
        reason = str(failure) or type(failure).__name__
        raise ClosedError(
            f"no service answers at {_shown(url)} ({reason}); start one with `longwatch serve`, "
            "or give the address of another one",
            code="server_unreachable",
        ) from None
    return WebSocketTransport(socket)


def _shown(url: str) -> str:
    """Return `url` without a user name or a password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _refused(url: str, refused: InvalidStatus) -> ServerError:
    """Return the error for a refusal before the upgrade."""
    status = refused.response.status_code
    try:
        error = json.loads(refused.response.body or b"")["error"]
        return ServerError(str(error["message"]), code=str(error["code"]), kind=str(error["type"]))
    except (ValueError, TypeError, KeyError):
        return ServerError(
            f"the server at {_shown(url)} refused the connection with HTTP status {status}; "
            "check the address and the key",
            code=f"http_{status}",
            kind="server_error" if status >= 500 else "invalid_request_error",
        )


def _lost(closed: ConnectionClosed) -> ClosedError:
    """Return the error for a connection that ended, with the close code that was given."""
    if closed.rcvd is None:
        how = "it broke off without a word"
    else:
        how = f"the server closed it with {closed.rcvd.code}"
        if closed.rcvd.reason:
            how += f" ({closed.rcvd.reason})"
    return ClosedError(f"the connection is gone: {how}; connect again")
