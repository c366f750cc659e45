"""What can be had over HTTP: health, status, metrics, questions, tickets; and the list of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from longwatch.serve.api import page, streams, timeline, watches
from longwatch.serve.api.chat import complete_chat
from longwatch.serve.api.chat_request import ChatRequest
from longwatch.serve.auth.authenticator import SECONDS
from longwatch.serve.auth.principal import current
from longwatch.serve.realtime.messages import CLIENT_EVENTS
from longwatch.serve.realtime.route import serve_websocket

if TYPE_CHECKING:
    from longwatch.serve.api.status import StatusCollector
    from longwatch.serve.realtime.session import SessionRegistry
    from longwatch.serve.service import Service


def operation_routes(service: Service, collector: StatusCollector) -> APIRouter:
    """Return the routes for health, readiness, status and metrics."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        reasons = collector.readiness.reasons()
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
        return collector.json()

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return router


def question_routes(service: Service, sessions: SessionRegistry) -> APIRouter:
    """Return the routes that questions take."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        await serve_websocket(service, sessions, websocket)

    body = {"content": {"application/json": {"schema": ChatRequest.model_json_schema()}}}

    @router.post("/v1/chat/completions", openapi_extra={"requestBody": body})
    async def chat(request: Request) -> Response:
        return await complete_chat(service, request)

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        model = {"id": service.engine.model.name, "object": "model", "created": 0}
        return {"object": "list", "data": [{**model, "owned_by": "longwatch"}]}

    @router.get("/v1/protocol.json")
    async def protocol() -> dict[str, Any]:
        return CLIENT_EVENTS.json_schema()

    return router


def ticket_routes(service: Service) -> APIRouter:
    """Return the route that gives tickets out."""
    router = APIRouter()

    @router.post("/v1/tickets")
    async def ticket() -> dict[str, Any]:
        issued = service.authenticator.issue(current())
        return {"object": "lw.ticket", "ticket": issued, "expires_in": int(SECONDS)}

    return router


def all_routes(
    service: Service, sessions: SessionRegistry, collector: StatusCollector
) -> tuple[APIRouter, ...]:
    """Return the routes of every subject."""
    return (
        question_routes(service, sessions),
        streams.routes(service),
        timeline.routes(service),
        watches.routes(service),
        operation_routes(service, collector),
        ticket_routes(service),
        page.routes(service),
    )
