"""From a text message to a checked event."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from longwatch.errors import ProtocolError
from longwatch.serve.realtime.messages import CLIENT_EVENTS, ClientEvent

UNION = {"union_tag_invalid", "union_tag_not_found"}


def load(text: str) -> Any:
    """Return what the message says.

    Raises:
        ProtocolError: it is not JSON (`invalid_json`).
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ProtocolError(
            f"the message is not JSON ({reason}); send one JSON object a message",
            code="invalid_json",
        ) from None


def event_id(data: Any) -> str | None:
    """Return the client's own id of an event, if it gave a usable one."""
    found = data.get("event_id") if isinstance(data, dict) else None
    return found[:512] if isinstance(found, str) else None


def parse(data: Any) -> ClientEvent:
    """Return the event that `data` is.

    Raises:
        ProtocolError: it is none (`invalid_message`), of a type that is not known
            (`unknown_event`), or a field of it is wrong (`invalid_value`, `unknown_parameter`).
    """
    if not isinstance(data, dict):
        raise ProtocolError("a message must be a JSON object with a `type`; this one is not")
    try:
        return CLIENT_EVENTS.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    except RecursionError:
        raise ProtocolError("the message is nested too deeply; flatten it") from None
    if not first["loc"] and first["type"] in UNION:
        raise ProtocolError(
            f"there is no client event {str(data.get('type'))[:64]!r} here; supported: "
            f"{', '.join(event_types())}",
            code="unknown_event",
            param="type",
        )
    param = ".".join(map(str, first["loc"][1:]))  # the first part is the event's type
    if first["type"] == "extra_forbidden":
        raise ProtocolError(
            f"there is no field {param[:200]!r} in {data['type']}; correct its name or leave it "
            "out",
            code="unknown_parameter",
            param=param[:200],
        )
    raise ProtocolError(
        f"{param[:200] or 'the message'} of {data['type']} cannot be taken: {first['msg'][:300]}",
        code="missing_parameter" if first["type"] == "missing" else "invalid_value",
        param=param[:200] or None,
    )


def event_types() -> list[str]:
    """Return the types of all events that clients may send."""
    return list(CLIENT_EVENTS.json_schema()["discriminator"]["mapping"])
