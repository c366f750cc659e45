"""Questions: the realtime socket, and chat over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response

from longwatch.serve.api.chat import complete_chat
from longwatch.serve.api.chat_request import ChatRequest
from longwatch.serve.realtime.messages import CLIENT_EVENTS
from longwatch.serve.realtime.route import serve_websocket

if TYPE_CHECKING:
    from longwatch.serve.realtime.session import Sessions
    from longwatch.serve.service import Service


def routes(service: Service, sessions: Sessions) -> APIRouter:
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
