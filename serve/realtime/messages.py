"""What clients may send as JSON, and how it is checked.

Fields that we do not know are ignored in OpenAI's objects, as OpenAI may add some, and refused in
ours, where they can only be a mistake.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from longwatch.serve.questions import Microseconds, Range

Id = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=64)]
Tokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class Loose(BaseModel):
    """An object of OpenAI's."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Strict(BaseModel):
    """An object of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SessionLw(Strict):
    """Our part of a session's settings."""

    protocol: int = 1
    features: list[str] = []  # those that the client knows; the server names its own
    streams: list[Name] = []  # to attach to


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


class Part(Loose):
    """A piece of a message's content."""

    type: Annotated[str, Field(max_length=64)]
    text: str | None = None


class Message(Loose):
    """A message of the conversation."""

    type: Literal["message"]
    id: Id | None = None
    role: Literal["user", "assistant", "system"]
    content: list[Part]


class Reference(Loose):
    """A message that is in the conversation already."""

    type: Literal["item_reference"]
    id: Id


class ItemCreate(Loose):
    """Add a message to the session's conversation."""

    type: Literal["conversation.item.create"]
    event_id: Id | None = None
    previous_item_id: Id | None = None
    item: Message


class ItemDelete(Loose):
    """Take a message out of the session's conversation."""

    type: Literal["conversation.item.delete"]
    event_id: Id | None = None
    item_id: Id


class ResponseLw(Strict):
    """Our part of a question."""

    streams: list[Name] | None = None
    as_of: Literal["now"] | Microseconds = "now"  # microseconds on the stream's clock
    range: Range | Literal["auto"] | None = "auto"  # to recall from; auto: as the question says
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Annotated[list[str], Field(max_length=16)] | None = None


class ResponseParams(Loose):
    """How an answer is to be made."""

    instructions: str | None = None
    input: list[Annotated[Message | Reference, Field(discriminator="type")]] | None = None
    conversation: Literal["auto", "none"] = "auto"
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
            Field(max_length=16),
        ]
        | None
    ) = None
    max_output_tokens: Tokens | None = None
    output_modalities: list[Literal["text", "audio"]] | None = None
    temperature: float | None = None
    tools: list[Any] | None = None
    lw: ResponseLw = ResponseLw()


class ResponseCreate(Loose):
    """Ask for an answer."""

    type: Literal["response.create"]
    event_id: Id | None = None
    response: ResponseParams | None = None


class ResponseCancel(Loose):
    """Stop an answer: the one named, else the default conversation's."""

    type: Literal["response.cancel"]
    event_id: Id | None = None
    response_id: Id | None = None


class PushSource(Strict):
    """Frames come over this connection."""

    kind: Literal["push"] = "push"
    format: Annotated[str, Field(max_length=32)] = "image"
    width: Annotated[int, Field(ge=1, le=65535)] | None = None  # of raw_rgb
    height: Annotated[int, Field(ge=1, le=65535)] | None = None
    fps: float | None = None  # frames taken a second; null takes all


class StreamPolicy(Strict):
    """How a new stream buffers and remembers; what is left out is the server's default."""

    queue: int | None = None
    on_full: Annotated[str, Field(max_length=32)] | None = None
    memory: Annotated[str, Field(max_length=32)] | None = None
    window_tokens: int | None = None
    sinks: int | None = None
    memory_mb: int | None = None
    persist: bool | None = None
    host_mb: int | None = None
    preset: Annotated[str, Field(max_length=32)] | None = None
    compressor: Annotated[str, Field(max_length=32)] | None = None
    keep: float | None = None
    token_rate: float | None = None
    gate: float | None = None
    gate_seconds: float | None = None


class StreamOpen(Strict):
    """Begin, or take up again, feeding a stream."""

    type: Literal["lw.stream.open"]
    event_id: Id | None = None
    stream: Name
    source: PushSource = PushSource()
    policy: StreamPolicy = StreamPolicy()


class StreamClose(Strict):
    """Stop feeding a stream, and forget it if asked to."""

    type: Literal["lw.stream.close"]
    event_id: Id | None = None
    stream: Name
    discard_memory: bool = False


class StreamAttach(Strict):
    """Follow the state and the statistics of a stream."""

    type: Literal["lw.stream.attach"]
    event_id: Id | None = None
    stream: Name


class StreamDetach(Strict):
    """Stop following a stream."""

    type: Literal["lw.stream.detach"]
    event_id: Id | None = None
    stream: Name


class FrameAppend(Strict):
    """One picture, for clients that cannot send binary messages."""

    type: Literal["lw.frame.append"]
    event_id: Id | None = None
    stream: Name | None = None
    image: str  # base64 of a JPEG, PNG or WebP file, or such a data URI
    pts_us: Microseconds | None = None
    captured_at: float | None = None  # seconds since 1970


class Ping(Strict):
    """Ask for the server's time."""

    type: Literal["lw.ping"]
    event_id: Id | None = None
    t: float | Annotated[str, Field(max_length=64)] | None = None


ClientEvent = (
    SessionUpdate
    | ItemCreate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
    | StreamOpen
    | StreamClose
    | StreamAttach
    | StreamDetach
    | FrameAppend
    | Ping
)
CLIENT_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(
    Annotated[ClientEvent, Field(discriminator="type")]
)
