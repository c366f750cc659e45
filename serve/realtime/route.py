"""The websocket route: who may connect, and under which name of a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect, WebSocketState

from longwatch.errors import AuthenticationError, ForbiddenError, LongwatchError, NotFoundError
from longwatch.serve.auth.principal import acting_as, current
from longwatch.serve.observability.context import about
from longwatch.serve.protocol.errors import error_response
from longwatch.serve.realtime import events
from longwatch.serve.realtime.connection import Connection
from longwatch.serve.realtime.login import first_message, identify
from longwatch.serve.realtime.outbox import NUMBERED
from longwatch.serve.realtime.session import Session

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.websockets import WebSocket

    from longwatch.serve.realtime.sessions import Sessions
    from longwatch.serve.service import Service

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


async def serve_websocket(service: Service, sessions: Sessions, websocket: WebSocket) -> None:
    """Serve one connection to `/v1/realtime?model=...&stream=...` to its end."""
    try:
        principal = identify(service, websocket)
        if principal is None:
            await websocket.accept(_subprotocol(websocket))
            principal = await first_message(service, websocket)
        service.check_model(websocket.query_params.get("model"))
        with acting_as(principal), service.access.usage(principal).session():
            service.enter()
            await _serve(service, sessions, websocket)
    except LongwatchError as error:
        await _turn_away(service, websocket, error)
    except WebSocketDisconnect:  # before it said who it is
        log.info("a page left before it said who it is")


async def _serve(service: Service, sessions: Sessions, websocket: WebSocket) -> None:
    """Serve a connection that was counted in, as its principal."""
    code = 1006
    try:
        if websocket.application_state is WebSocketState.CONNECTING:
            await websocket.accept(_subprotocol(websocket))
        session = await _session(service, sessions, websocket.query_params)
        connection = Connection(service, session, websocket)
        with about(session=session.id):
            log.info("connection begins", extra={"key": current().id})
            try:
                code = await connection.run(websocket.query_params.get("stream"))
            finally:
                sessions.leave(session, code)
            log.info("connection ends", extra={"code": code})
    finally:
        service.leave(code)


async def _session(service: Service, sessions: Sessions, query: QueryParams) -> Session:
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
