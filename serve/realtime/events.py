"""Every event that the service sends."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from longwatch.serve.protocol.errors import error_object, retry_after
from longwatch.wire import microseconds, picture_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.errors import LongwatchError
    from longwatch.serve.answers.types import Done, Evidence

Event = dict[str, Any]


def new_id(prefix: str) -> str:
    """Return an id that nobody can guess."""
    return f"{prefix}_{secrets.token_hex(10)}"


def event(kind: str, **fields: Any) -> Event:
    """Return an event of the type `kind`; its id is the outbox's if it is the session's."""
    return {"type": kind, "event_id": new_id("conn"), **fields}


def error(
    fault: LongwatchError,
    cause: str | None = None,
    *,
    fatal: bool = False,
    stream: str | None = None,
) -> Event:
    """Return an error event; `cause` is the client's id of the event at fault.

    After a `fatal` one the connection is closed.
    """
    wait = retry_after(fault)
    lw = {
        "retryable": wait is not None,
        "fatal": fatal,
        "retry_after_ms": None if wait is None else round(wait * 1000),
        "stream": stream,
    }
    return event("error", error={**error_object(fault), "event_id": cause, "lw": lw})


def message(item_id: str, role: str, text: str | None, status: str = "completed") -> dict[str, Any]:
    """Return an item of a conversation; `text` None is one without content so far."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [] if text is None else [{"type": kind, "text": text}]
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": content,
    }


def usage(done: Done) -> dict[str, Any]:
    """Return an answer's token counts; the stream's memory counts as cached input."""
    seen, asked, said = (
        done.usage.context_tokens,
        done.usage.input_tokens,
        done.usage.output_tokens,
    )
    return {
        "total_tokens": seen + asked + said,
        "input_tokens": seen + asked,
        "output_tokens": said,
        "input_token_details": {
            "text_tokens": asked,
            "image_tokens": seen,
            "audio_tokens": 0,
            "cached_tokens": seen,
        },
        "output_token_details": {"text_tokens": said, "audio_tokens": 0},
    }


def timing(done: Done) -> dict[str, float | None]:
    """Return where an answer's time went, in milliseconds."""
    parts = ("queue_ms", "prefill_ms", "ttft_ms", "total_ms")
    values = {name: getattr(done.timing, name) for name in parts}
    return {name: None if v is None else round(v, 3) for name, v in values.items()}


def items(evidence: Sequence[Evidence], stream: str) -> list[dict[str, Any]]:
    """Return frames as they stand on the wire, with where their pictures are."""
    return [
        {
            "stream": stream,
            "pts_us": microseconds(frame.time),
            "url": picture_url(stream, microseconds(frame.time)),
            "score": None if frame.weight is None else round(frame.weight, 4),
            "why": frame.why,
        }
        for frame in evidence
    ]


def rests(done: Done, stream: str) -> dict[str, Any]:
    """Return what an answer rests on: frames, and the range that they were looked for in."""
    span = done.range and {
        "from": microseconds(done.range.since),
        "to": microseconds(min(done.range.until, max(done.range.since, done.as_of))),
    }
    found = items(done.evidence, stream)
    return {"evidence": found, "range": span, "range_dropped": done.range_dropped}


def status_details(done: Done) -> dict[str, Any]:
    """Return why an answer ended."""
    details: dict[str, Any] = {"type": done.status, "reason": done.reason}
    if done.error is not None:
        kept = error_object(done.error)
        details["error"] = {name: kept[name] for name in ("type", "code", "message")}
    return details


def pong(t: float | str | None) -> Event:
    """Return the answer to `lw.ping`."""
    return event("lw.pong", t=t, server_time=time.time())
