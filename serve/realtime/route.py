"""The websocket route: who may connect, and under which name of a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from starlette.responses import JSONResponse

from longwatch.errors import InputError, LongwatchError
from longwatch.serve.config import LOOPBACK
from longwatch.serve.faults import error_object, http_status
from longwatch.serve.realtime import events
from longwatch.serve.realtime.session import Session

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from longwatch.serve.service import Service

log = logging.getLogger(__name__)
SUBPROTOCOLS = ("realtime", "openai-beta.realtime-v1")
CLOSE_CODES = {"origin_not_allowed": 1008, "model_not_found": 4404, "too_many_sessions": 4429}


async def serve_websocket(service: Service, websocket: WebSocket) -> None:
    """Serve one connection to `/v1/realtime?model=...&stream=...` to its end."""
    try:
        _check_origin(service, websocket.headers.get("origin"))
        service.check_model(websocket.query_params.get("model"))
        service.enter()
    except LongwatchError as error:
        await _turn_away(websocket, error)
        return
    code = 1006
    try:
        await websocket.accept(_subprotocol(websocket))
        session = Session(service, websocket)
        with structlog.contextvars.bound_contextvars(session=session.id):
            log.info("session begins")
            code = await session.run(websocket.query_params.get("stream"))
            log.info("session ends", extra={"code": code})
    finally:
        service.leave(code)


async def _turn_away(websocket: WebSocket, error: LongwatchError) -> None:
    """Refuse before the upgrade; pages in a browser cannot see that, so they are told after it."""
    log.info("a connection was refused", extra={"code": error.code})
    if "origin" not in websocket.headers:
        body = {"error": error_object(error)}
        await websocket.send_denial_response(JSONResponse(body, http_status(error)))
        return
    await websocket.accept(_subprotocol(websocket))
    await websocket.send_json(events.error(error, fatal=True))
    await websocket.close(CLOSE_CODES.get(error.code, 1011), error.code)


def _check_origin(service: Service, origin: str | None) -> None:
    """Refuse pages of other sites, which could otherwise watch what this machine's user may."""
    if origin is None or origin in service.settings.origins:
        return
    if _host(origin) not in LOOPBACK:
        raise InputError(
            f"pages of {origin[:80]!r} may not connect; add it to the setting origins to allow it",
            code="origin_not_allowed",
        )


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:  # no address at all
        return None


def _subprotocol(websocket: WebSocket) -> str | None:
    """Return the first sub-protocol offered that we know; a browser insists on an echo."""
    offered = websocket.scope.get("subprotocols", [])
    return next((name for name in offered if name in SUBPROTOCOLS), None)
