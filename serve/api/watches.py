"""Watches over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from longwatch.serve.protocol.validation import described, read_body
from longwatch.serve.watches.params import WatchChanges, WatchParams

if TYPE_CHECKING:
    from longwatch.serve.service import Service


def routes(service: Service) -> APIRouter:
    """Return the routes that list, make, change and forget watches."""
    router = APIRouter()
    table = service.watches.table

    @router.get("/v1/watches")
    async def listed() -> dict[str, Any]:
        return {"object": "list", "data": [watch.json() for watch in table.visible()]}

    @router.post("/v1/watches", status_code=201, openapi_extra=described(WatchParams))
    async def create(request: Request) -> dict[str, Any]:
        return table.create((await read_body(request, WatchParams)).settings()).json()

    @router.get("/v1/watches/{watch_id}")
    async def one(watch_id: str) -> dict[str, Any]:
        return table.get(watch_id).json()

    @router.patch("/v1/watches/{watch_id}", openapi_extra=described(WatchChanges))
    async def update(watch_id: str, request: Request) -> dict[str, Any]:
        asked = await read_body(request, WatchChanges)
        return table.update(watch_id, asked.changes(), paused=asked.paused).json()

    @router.delete("/v1/watches/{watch_id}")
    async def delete(watch_id: str) -> dict[str, Any]:
        return {"id": table.delete(watch_id).id, "object": "lw.watch", "deleted": True}

    return router
