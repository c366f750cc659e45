"""What those ask who run the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from longwatch.serve.access.principal import current

if TYPE_CHECKING:
    from longwatch.serve.service import Service


def routes(service: Service) -> APIRouter:
    """Return the routes for health, readiness and metrics."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        if service.draining.active:
            return JSONResponse({"status": "not_ready", "reason": "draining"}, 503)
        if service.engine.alive:
            return JSONResponse({"status": "ready"})
        told = {"status": "not_ready"}
        if current().may("manage"):  # others need not know how the service fails
            told["reason"] = "the model's thread does not run"
        return JSONResponse(told, 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return router
