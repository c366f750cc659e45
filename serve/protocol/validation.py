"""JSON from outside: read, and what is wrong with it said in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

LONGEST_PARAM = 200  # characters


class Fault(NamedTuple):
    """The first thing that is wrong with a document."""

    kind: str  # pydantic's word, such as `missing`
    param: str  # where it is, such as `response.lw.as_of`; empty for the document itself
    told: str


def load(text: str | bytes) -> Any:
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


def first_fault(error: ValidationError, data: Any) -> Fault:
    """Return what is wrong with `data` first; where it could be several things, all of them."""
    faults = error.errors(include_url=False, include_input=False)
    places = [_param(fault, data) for fault in faults]
    told = [fault["msg"] for fault, param in zip(faults, places, strict=True) if param == places[0]]
    return Fault(faults[0]["type"], places[0], ", or ".join(dict.fromkeys(told))[:300])


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
