"""The bodies of requests that are ours, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from longwatch.errors import ProtocolError
from longwatch.serve.protocol.validation import first_fault, load

if TYPE_CHECKING:
    from fastapi import Request

MOST = 64 << 10  # bytes of a request
CODES = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}
Body = TypeVar("Body", bound=BaseModel)


def described(body: type[BaseModel]) -> dict[str, Any]:
    """Return what the published description says of a route's body."""
    return {"requestBody": {"content": {"application/json": {"schema": body.model_json_schema()}}}}


async def read_body(request: Request, form: type[Body]) -> Body:
    """Return a request's body.

    Raises:
        ProtocolError: it is too long, not JSON, or a field of it is wrong.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST:
            raise ProtocolError(
                f"this request may have {MOST} bytes; send less", code="message_too_large"
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
