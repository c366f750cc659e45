"""The session itself: its settings and its clock."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from longwatch.serve.protocol.validation import Id, Loose, Name, Strict, Tokens


class SessionLw(Strict):
    """Our part of a session's settings."""

    protocol: int = 1
    features: list[str] = Field(default_factory=list)  # that the client knows
    streams: list[Name] = Field(default_factory=list)  # to attach to


class SessionParams(Loose):
    """What a client may change in its session; what is not sent stays as it is."""

    type: Literal["realtime"] = "realtime"
    instructions: str | None = None
    output_modalities: list[Literal["text", "audio"]] | None = None
    max_output_tokens: Tokens | None = None
    tools: list[Any] | None = None
    lw: SessionLw | None = None


class SessionUpdate(Loose):
    """Change the session's settings."""

    type: Literal["session.update"]
    event_id: Id | None = None
    session: SessionParams


class Auth(Strict):
    """Say who connects; the first message of a page that has neither a header nor a ticket."""

    type: Literal["lw.auth"]
    event_id: Id | None = None
    token: Annotated[str, Field(max_length=512)]  # a key, or a ticket


class Ping(Strict):
    """Ask for the server's time."""

    type: Literal["lw.ping"]
    event_id: Id | None = None
    t: float | Annotated[str, Field(max_length=64)] | None = None
