"""Watches over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from longwatch.errors import ProtocolError
from longwatch.serve.checking import first_fault, load
from longwatch.serve.watches.params import WatchChanges, WatchParams

if TYPE_CHECKING:
    from longwatch.serve.service import Service

MOST = 64 << 10  # bytes of a request
CODES = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}
Body = TypeVar("Body", bound=BaseModel)


def routes(service: Service) -> APIRouter:
    """Return the routes that list, make, change and forget watches."""
    router = APIRouter()
    table = service.watching.table

    @router.get("/v1/watches")
    async def listed() -> dict[str, Any]:
        return {"object": "list", "data": [watch.json() for watch in table.visible()]}

    @router.post("/v1/watches", status_code=201, openapi_extra=_described(WatchParams))
    async def create(request: Request) -> dict[str, Any]:
        return table.create((await _read(request, WatchParams)).settings()).json()

    @router.get("/v1/watches/{watch_id}")
    async def one(watch_id: str) -> dict[str, Any]:
        return table.get(watch_id).json()

    @router.patch("/v1/watches/{watch_id}", openapi_extra=_described(WatchChanges))
    async def update(watch_id: str, request: Request) -> dict[str, Any]:
        asked = await _read(request, WatchChanges)
        return table.update(watch_id, asked.changes(), paused=asked.paused).json()

    @router.delete("/v1/watches/{watch_id}")
    async def delete(watch_id: str) -> dict[str, Any]:
        return {"id": table.delete(watch_id).id, "object": "lw.watch", "deleted": True}

    return router


def _described(body: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": body.model_json_schema()}}}}


async def _read(request: Request, form: type[Body]) -> Body:
    """Return a request's body.

    Raises:
        ProtocolError: it is too long, not JSON, or a field of it is wrong.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST:
            raise ProtocolError(
                f"a watch's request may have {MOST} bytes; send less", code="message_too_large"
            )
    data = load(bytes(body))
    try:
        return form.model_validate(data)
    except ValidationError as error:
        kind, param, told = first_fault(error, data)
    raise ProtocolError(
        f"{param or 'the request'} cannot be taken: {told}",
        code=CODES.get(kind, "invalid_value"),
        param=param or None,
    )
