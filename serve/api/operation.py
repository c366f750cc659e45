"""What those ask who run the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from longwatch.serve.auth.principal import current

if TYPE_CHECKING:
    from longwatch.serve.api.status import Vitals
    from longwatch.serve.service import Service


def routes(service: Service, vitals: Vitals) -> APIRouter:
    """Return the routes for health, readiness, status and metrics."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        reasons = vitals.readiness.reasons()
        if not reasons:
            return JSONResponse({"status": "ready"})
        told = {"status": "not_ready"}
        # Others need not know how the service fails; that it drains they are told anyway.
        if reasons == ["draining"] or current().may("manage"):
            told["reason"] = ", ".join(reasons)
        return JSONResponse(told, 503)

    @router.get("/v1/status")
    async def status() -> dict[str, Any]:
        """Tell how the service is doing, over all streams and keys."""
        return vitals.json()

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return router
