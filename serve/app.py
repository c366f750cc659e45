"""The service's routes."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from longwatch import __version__
from longwatch.errors import LongwatchError
from longwatch.serve.chat import complete_chat
from longwatch.serve.chat_request import ChatRequest
from longwatch.serve.faults import error_object, http_status, internal, retryable
from longwatch.serve.metrics import Metrics
from longwatch.serve.realtime.messages import CLIENT_EVENTS
from longwatch.serve.realtime.route import serve_websocket
from longwatch.serve.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from longwatch.serve.config import Settings
    from longwatch.serve.engine import Engine

log = logging.getLogger(__name__)


def create_app(engine: Engine, settings: Settings, metrics: Metrics | None = None) -> FastAPI:
    """Return the ASGI application of an engine that was started.

    `metrics` is the engine's observer, if it has one; the application does not close the engine.
    """
    metrics = metrics or Metrics(settings.metric_streams)
    service = Service(engine, settings, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.feeds.close()

    app = FastAPI(
        title="Longwatch",
        version=__version__,
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    _add_errors(app, service)
    _add_questions(app, service)
    _add_streams(app, service)
    _add_operation(app, service)
    return app


def _add_questions(app: FastAPI, service: Service) -> None:
    @app.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        await serve_websocket(service, websocket)

    body = {"content": {"application/json": {"schema": ChatRequest.model_json_schema()}}}

    @app.post("/v1/chat/completions", openapi_extra={"requestBody": body})
    async def chat(request: Request) -> Response:
        return await complete_chat(service, request)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        model = {"id": service.engine.model.name, "object": "model", "created": 0}
        return {"object": "list", "data": [{**model, "owned_by": "longwatch"}]}

    @app.get("/v1/protocol.json")
    async def protocol() -> dict[str, Any]:
        return CLIENT_EVENTS.json_schema()


def _add_streams(app: FastAPI, service: Service) -> None:
    @app.get("/v1/streams")
    async def streams() -> dict[str, Any]:
        return {"object": "list", "data": [feed.json() for feed in service.feeds.all()]}

    @app.get("/v1/streams/{name}")
    async def stream(name: str) -> dict[str, Any]:
        feed = service.feeds.get(name)
        gaps = [[gap.start, gap.end] for gap in feed.stream.timeline.gaps]
        return {**feed.json(), "created": feed.stream.created, "gaps": gaps}

    @app.get("/v1/streams/{name}/dialogue")
    def dialogue(name: str) -> dict[str, Any]:
        """Return what was asked about a stream that is kept; on a thread, as it reads the disk."""
        kept = service.engine.stream(name).kept
        told = [] if kept is None else [exchange._asdict() for exchange in kept.dialogue()]
        return {"object": "list", "data": told}


def _add_operation(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        if service.engine.alive:
            return JSONResponse({"status": "ready"})
        reason = "the model's thread does not run"
        return JSONResponse({"status": "not_ready", "reason": reason}, 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI, service: Service) -> None:
    """Give every error OpenAI's shape."""

    async def ours(_: Request, error: Exception) -> Response:
        if not isinstance(error, LongwatchError):
            log.error("a request failed", exc_info=error)
            error = internal()
        service.metrics.errors.labels(error.code).inc()
        headers = {"Retry-After": "1"} if retryable(error) else None
        return JSONResponse({"error": error_object(error)}, http_status(error), headers)

    async def http(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        known = {404: "not_found", 405: "method_not_allowed"}
        told = {
            "type": "invalid_request_error",
            "code": known.get(status, "http_error"),
            "message": f"{getattr(error, 'detail', 'error')}; see /openapi.json for the routes",
            "param": None,
        }
        return JSONResponse({"error": told}, status)

    app.add_exception_handler(LongwatchError, ours)
    app.add_exception_handler(Exception, ours)
    app.add_exception_handler(HTTPException, http)
