"""The websocket route: who may connect, and under which name of a model."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect, WebSocketState

from longwatch.errors import AuthenticationError, ForbiddenError, LongwatchError, NotFoundError
from longwatch.serve.auth.principal import acting_as, current
from longwatch.serve.observability.context import log_context
from longwatch.serve.protocol.errors import error_response
from longwatch.serve.protocol.guard import address, bearer, check_caller
from longwatch.serve.realtime import events
from longwatch.serve.realtime.connection import Connection
from longwatch.serve.realtime.outbox import NUMBERED
from longwatch.serve.realtime.session import Session

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.websockets import WebSocket

    from longwatch.serve.auth.principal import Principal
    from longwatch.serve.realtime.session import SessionRegistry
    from longwatch.serve.service import Service

OFFER = "openai-insecure-api-key."  # a sub-protocol of OpenAI's clients, here with a ticket
LONGEST = 4096  # characters of a first message


def identify(service: Service, websocket: WebSocket) -> Principal | None:
    """Return who connects; None for a page that brings nothing and may still say who it is.

    Raises:
        LongwatchError: the page, the name, the key or the ticket is not one that is let in.
    """
    headers, access = websocket.headers, service.authenticator
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
    with service.authenticator.waiting():
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
    return service.authenticator.admit(_token(message.get("text") or ""), address(websocket.scope))


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


log = logging.getLogger(__name__)
SUBPROTOCOLS = ("realtime", "openai-beta.realtime-v1")
CLOSE_CODES = {
    "origin_not_allowed": 1008,
    "host_not_allowed": 1008,
    "auth_timeout": 4408,
    "closing": 1012,
    "model_not_found": 4404,
    "too_many_sessions": 4429,
    "too_many_failures": 4429,
}


async def serve_websocket(
    service: Service, sessions: SessionRegistry, websocket: WebSocket
) -> None:
    """Serve one connection to `/v1/realtime?model=...&stream=...` to its end."""
    try:
        principal = identify(service, websocket)
        if principal is None:
            await websocket.accept(_subprotocol(websocket))
            principal = await first_message(service, websocket)
        service.check_model(websocket.query_params.get("model"))
        with acting_as(principal), service.authenticator.usage(principal).session():
            service.enter()
            await _serve(service, sessions, websocket)
    except LongwatchError as error:
        await _turn_away(service, websocket, error)
    except WebSocketDisconnect:  # before it said who it is
        log.info("a page left before it said who it is")


async def _serve(service: Service, sessions: SessionRegistry, websocket: WebSocket) -> None:
    """Serve a connection that was counted in, as its principal."""
    code = 1006
    try:
        if websocket.application_state is WebSocketState.CONNECTING:
            await websocket.accept(_subprotocol(websocket))
        session = await _session(service, sessions, websocket.query_params)
        connection = Connection(service, session, websocket)
        with log_context(session=session.id):
            log.info("connection begins", extra={"key": current().id})
            try:
                code = await connection.run(websocket.query_params.get("stream"))
            finally:
                sessions.leave(session, code)
            log.info("connection ends", extra={"code": code})
    finally:
        service.leave(code)


async def _session(service: Service, sessions: SessionRegistry, query: QueryParams) -> Session:
    """Return the session that the client resumes, or a new one."""
    token, expired = query.get("resume"), None
    if token is not None:
        try:
            return await sessions.resume(token, query.get("after", f"{NUMBERED}0"))
        except NotFoundError as error:
            expired = error
    session = Session(service)
    sessions.add(session)
    session.begin()
    if expired is not None:
        session.tell(expired)
    return session


async def _turn_away(service: Service, websocket: WebSocket, error: LongwatchError) -> None:
    """Refuse before the upgrade; pages in a browser cannot see that, so they are told after it."""
    service.metrics.errors.labels(error.code).inc()
    log.info("a connection was refused", extra={"code": error.code})
    if "origin" not in websocket.headers:
        await websocket.send_denial_response(error_response(error))
        return
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.accept(_subprotocol(websocket))
    await websocket.send_json(events.error(error, fatal=True))
    await websocket.close(_close_code(error), error.code)


def _close_code(error: LongwatchError) -> int:
    if isinstance(error, AuthenticationError | ForbiddenError):
        by_class = 4401 if isinstance(error, AuthenticationError) else 4403
    else:
        by_class = 1011
    return CLOSE_CODES.get(error.code, by_class)


def _subprotocol(websocket: WebSocket) -> str | None:
    """Return the first sub-protocol offered that we know; a browser insists on an echo."""
    offered = websocket.scope.get("subprotocols", [])
    return next((name for name in offered if name in SUBPROTOCOLS), None)
