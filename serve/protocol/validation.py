"""JSON of clients checked against its description, and what is told of what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longwatch.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection

    from fastapi import Request
    from pydantic_core import ErrorDetails

LONGEST_PARAM = 200  # characters


class ValidationFault(NamedTuple):
    """The first thing that is wrong with a document."""

    kind: str  # pydantic's word, such as `missing`
    param: str  # where it is, such as `response.lw.as_of`; empty for the document itself
    told: str


def load_json(text: str | bytes) -> Any:
    """Return what a document says.

    Raises:
        ProtocolError: it is not JSON (`invalid_json`).
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        data = json.loads(text)
        if "\\u" in text:  # half a character may have been written so
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            f"the message is not JSON ({_reason(error)}); send one JSON object a message",
            code="invalid_json",
        ) from None
    return data


def first_fault(error: ValidationError, data: Any) -> ValidationFault:
    """Return what is wrong with `data` first; where it could be several things, all of them."""
    faults = error.errors(include_url=False, include_input=False)
    places = [_param(fault, data) for fault in faults]
    told = [fault["msg"] for fault, param in zip(faults, places, strict=True) if param == places[0]]
    return ValidationFault(faults[0]["type"], places[0], ", or ".join(dict.fromkeys(told))[:300])


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeEncodeError):
        return "a surrogate stands alone, which is half a character"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return str(error)
    return "a number has too many digits"


def _param(fault: ErrorDetails, data: Any) -> str:
    """Return a place as users know it, without the names of the types that were tried there."""
    parts = []
    for part in fault["loc"]:
        if isinstance(data, list) if isinstance(part, int) else part in _keys(data):
            data = data[part]
            parts.append(str(part))
    if fault["type"] == "missing":
        parts.append(str(fault["loc"][-1]))
    return ".".join(parts)[:LONGEST_PARAM]


def _keys(data: Any) -> Collection[str]:
    return data if isinstance(data, dict) else ()


Id = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=64)]
Tokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class LenientModel(BaseModel):
    """An object of OpenAI's."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class StrictModel(BaseModel):
    """An object of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
    data = load_json(bytes(body))
    try:
        return form.model_validate(data)
    except ValidationError as error:
        kind, param, told = first_fault(error, data)
    raise ProtocolError(
        f"{param or 'the request'} cannot be taken: {told}",
        code=CODES.get(kind, "invalid_value"),
        param=param or None,
    )
