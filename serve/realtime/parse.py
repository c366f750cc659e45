"""From what a text message says to a checked event."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from longwatch.errors import ProtocolError
from longwatch.serve.protocol.validation import first_fault
from longwatch.serve.realtime.messages import CLIENT_EVENTS, ClientEvent

EVENT_TYPES = tuple(CLIENT_EVENTS.json_schema()["discriminator"]["mapping"])
CODES = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}


def event_id(data: Any) -> str | None:
    """Return the client's own id of an event, if it gave a usable one."""
    found = data.get("event_id") if isinstance(data, dict) else None
    return found[:512] if isinstance(found, str) else None


def parse(data: Any) -> ClientEvent:
    """Return the event that `data` is.

    Raises:
        ProtocolError: it is none (`invalid_message`), of a type that is not known
            (`unknown_event`), or a field of it is wrong (`invalid_value`, `unknown_parameter`,
            `missing_parameter`).
    """
    if not isinstance(data, dict):
        raise ProtocolError("a message must be a JSON object with a `type`; this one is not")
    if "type" not in data:
        raise ProtocolError(
            "a message without a `type` says nothing; add it",
            code="missing_parameter",
            param="type",
        )
    if data["type"] not in EVENT_TYPES:
        raise ProtocolError(
            f"there is no client event {str(data['type'])[:64]!r} here; supported: "
            f"{', '.join(EVENT_TYPES)}",
            code="unknown_event",
            param="type",
        )
    try:
        return CLIENT_EVENTS.validate_python(data)
    except ValidationError as error:
        kind, param, told = first_fault(error, data)
    except RecursionError:
        raise ProtocolError("the message is nested too deeply; flatten it") from None
    if kind == "extra_forbidden":
        told = "there is no such field; correct its name or leave it out"
    raise ProtocolError(
        f"{param or 'the message'} of {data['type']} cannot be taken: {told}",
        code=CODES.get(kind, "invalid_value"),
        param=param or None,
    )
