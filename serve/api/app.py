"""The ASGI application: the routes of `serve.routes`, and what all errors look like."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from longwatch import __version__
from longwatch.errors import LongwatchError
from longwatch.serve.api.routes import all_routes
from longwatch.serve.api.status import StatusCollector, StreamCollector
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.protocol.errors import error_response, internal
from longwatch.serve.protocol.guard import AuthMiddleware
from longwatch.serve.realtime.session import SessionRegistry
from longwatch.serve.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from longwatch.serve.config import Settings
    from longwatch.serve.engine.engine import Engine

log = logging.getLogger(__name__)


def create_app(engine: Engine, settings: Settings, metrics: Metrics | None = None) -> FastAPI:
    """Return the ASGI application of an engine that was started.

    `metrics` is the engine's observer, if it has one; the application does not close the engine.
    """
    metrics = metrics or Metrics(settings.metric_streams)
    sessions = SessionRegistry(settings.resume_seconds, settings.max_detached)
    service = Service(engine, settings, metrics, sessions)
    collector = StatusCollector(service, sessions)
    metrics.detached.set_function(lambda: sessions.detached)
    metrics.registry.register(StreamCollector(service.feeds, metrics.labelled_streams))
    metrics.registry.register(collector)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.watches.start()
        service.sources.restore()
        yield
        sessions.close()
        await service.watches.close()
        await service.feeds.close()

    app = FastAPI(
        title="Longwatch",
        version=__version__,
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        # Its own spans and figures hold queries, in which tickets stand; `tracing` has ours.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.service = service
    _add_errors(app, service)
    for routes in all_routes(service, sessions, collector):
        app.include_router(routes)
    app.add_middleware(AuthMiddleware, service=service)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    return app


def _add_errors(app: FastAPI, service: Service) -> None:
    """Give every error OpenAI's shape."""

    async def ours(_: Request, error: Exception) -> Response:
        if not isinstance(error, LongwatchError):
            log.error("a request failed", exc_info=error)
            error = internal()
        service.metrics.errors.labels(error.code).inc()
        return error_response(error)

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

    async def invalid(_: Request, error: Exception) -> Response:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        where, told = (faults[0]["loc"][-1], faults[0]["msg"]) if faults else ("request", "wrong")
        what = {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": f"{where} cannot be taken: {told}; see /openapi.json for what can",
            "param": str(where),
        }
        return JSONResponse({"error": what}, 422)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(LongwatchError, ours)
    app.add_exception_handler(Exception, ours)
    app.add_exception_handler(HTTPException, http)
