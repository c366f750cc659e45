"""Who has opened a websocket: by its header, by a ticket, or, for a page, by its first message."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from longwatch.errors import AuthenticationError
from longwatch.serve.protocol.guard import address, bearer, check_caller

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from longwatch.serve.auth.principal import Principal
    from longwatch.serve.service import Service

OFFER = "openai-insecure-api-key."  # a sub-protocol of OpenAI's clients, here with a ticket
LONGEST = 4096  # characters of a first message


def identify(service: Service, websocket: WebSocket) -> Principal | None:
    """Return who connects; None for a page that brings nothing and may still say who it is.

    Raises:
        LongwatchError: the page, the name, the key or the ticket is not one that is let in.
    """
    headers, access = websocket.headers, service.access
    check_caller(service, headers, reads=False)
    ticket = _ticket(websocket)
    if ticket is not None:
        return access.redeem(ticket, address(websocket.scope))
    key = bearer(headers)
    if key is None and access.needs_keys and "origin" in headers:
        return None
    return access.identify(key, address(websocket.scope))


async def first_message(service: Service, websocket: WebSocket) -> Principal:
    """Return who an accepted connection says that it is, in an `lw.auth` that must come soon.

    Raises:
        AuthenticationError: it says something else, nothing (`auth_timeout`), or not the truth.
        LimitError: too many others are being waited for, or too many wrong keys came.
    """
    seconds = service.settings.auth_seconds
    with service.access.waiting():
        try:
            async with asyncio.timeout(seconds):
                message = await websocket.receive()
        except TimeoutError:
            raise AuthenticationError(
                f"no lw.auth came within {seconds:g} s; send it as the first message",
                code="auth_timeout",
            ) from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1005)
    return service.access.admit(_token(message.get("text") or ""), address(websocket.scope))


def _ticket(websocket: WebSocket) -> str | None:
    """Return the ticket in the address or among the sub-protocols, if there is one."""
    named = websocket.query_params.get("ticket")
    if named is not None:
        return named
    offered = websocket.scope.get("subprotocols", [])
    return next((name.removeprefix(OFFER) for name in offered if name.startswith(OFFER)), None)


def _token(text: str) -> str:
    try:
        data = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict) and data.get("type") == "lw.auth":
        token = data.get("token")
        if isinstance(token, str) and token:
            return token
    raise AuthenticationError(
        "this service needs a key; send lw.auth with a `token` first, or connect with a ticket",
        code="missing_key",
    )
