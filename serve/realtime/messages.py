"""Every event that a client may send, and how one is parsed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError

from longwatch.errors import ProtocolError
from longwatch.serve.protocol.questions import Json, Microseconds, Milliseconds, Range
from longwatch.serve.protocol.validation import (
    Id,
    LenientModel,
    Name,
    StrictModel,
    Tokens,
    first_fault,
)
from longwatch.serve.watches.params import WatchChanges, WatchParams
from longwatch.stream.pull.address import Address, parse_address


class Part(LenientModel):
    """A piece of a message's content."""

    type: Annotated[str, Field(max_length=64)]
    text: str | None = None


class Message(LenientModel):
    """A message of the conversation."""

    type: Literal["message"]
    id: Id | None = None
    role: Literal["user", "assistant", "system"]
    content: list[Part]


class Reference(LenientModel):
    """A message that is in the conversation already."""

    type: Literal["item_reference"]
    id: Id


class ItemCreate(LenientModel):
    """Add a message to the session's conversation."""

    type: Literal["conversation.item.create"]
    event_id: Id | None = None
    previous_item_id: Id | None = None
    item: Message


class ItemDelete(LenientModel):
    """Take a message out of the session's conversation."""

    type: Literal["conversation.item.delete"]
    event_id: Id | None = None
    item_id: Id


class ResponseLw(StrictModel):
    """Our part of a question."""

    streams: list[Name] | None = None
    as_of: Literal["now"] | Microseconds = "now"  # microseconds on the stream's clock
    range: Range | Literal["auto"] | None = "auto"  # to recall from; auto: as the question says
    deadline_ms: Milliseconds | None = None  # for the answer to begin in; else it fails
    json_: Json = Field(default="auto", alias="json")  # one question a field, or one for the whole
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Annotated[list[str], Field(max_length=16)] | None = None


class TextFormat(LenientModel):
    """What an answer looks like: `text`, `json_object`, or `json_schema` with its schema."""

    type: Annotated[str, Field(max_length=64)] = "text"
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class TextParams(LenientModel):
    """How an answer's text is to be."""

    format: TextFormat = TextFormat()


class ResponseParams(LenientModel):
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
    text: TextParams = TextParams()
    lw: ResponseLw = ResponseLw()


class ResponseCreate(LenientModel):
    """Ask for an answer."""

    type: Literal["response.create"]
    event_id: Id | None = None
    response: ResponseParams | None = None


class ResponseCancel(LenientModel):
    """Stop an answer: the one named, else the default conversation's."""

    type: Literal["response.cancel"]
    event_id: Id | None = None
    response_id: Id | None = None


class SessionLw(StrictModel):
    """Our part of a session's settings."""

    protocol: int = 1
    features: list[str] = Field(default_factory=list)  # that the client knows
    streams: list[Name] = Field(default_factory=list)  # to attach to


class SessionParams(LenientModel):
    """What a client may change in its session; what is not sent stays as it is."""

    type: Literal["realtime"] = "realtime"
    instructions: str | None = None
    output_modalities: list[Literal["text", "audio"]] | None = None
    max_output_tokens: Tokens | None = None
    tools: list[Any] | None = None
    lw: SessionLw | None = None


class SessionUpdate(LenientModel):
    """Change the session's settings."""

    type: Literal["session.update"]
    event_id: Id | None = None
    session: SessionParams


class Auth(StrictModel):
    """Say who connects; the first message of a page that has neither a header nor a ticket."""

    type: Literal["lw.auth"]
    event_id: Id | None = None
    token: Annotated[str, Field(max_length=512)]  # a key, or a ticket


class Ping(StrictModel):
    """Ask for the server's time."""

    type: Literal["lw.ping"]
    event_id: Id | None = None
    t: float | Annotated[str, Field(max_length=64)] | None = None


class PushSource(StrictModel):
    """Frames come over this connection."""

    kind: Literal["push"] = "push"
    format: Annotated[str, Field(max_length=32)] = "image"
    width: Annotated[int, Field(ge=1, le=65535)] | None = None  # of raw_rgb
    height: Annotated[int, Field(ge=1, le=65535)] | None = None
    fps: float | None = None  # frames taken a second; null takes all


class PullSource(StrictModel):
    """The service fetches the frames itself; credentials stand beside the URL."""

    kind: Literal["pull"]
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    transport: Literal["auto", "tcp", "udp"] = "auto"
    username: Annotated[str, Field(max_length=256)] | None = None
    password: Annotated[str, Field(max_length=1024)] | None = None
    loop: bool = False  # play a file again and again
    fps: float | None = None  # frames taken a second; null takes all

    def address(self) -> Address:
        """Return where the source is, or raise `InputError`."""
        return parse_address(
            self.url,
            transport=self.transport,
            username=self.username,
            password=self.password,
            loop=self.loop,
        )


def kind_of(source: Any) -> str:
    """Return which kind of source is meant; a push need not say so."""
    found = source.get("kind", "push") if isinstance(source, dict) else source.kind
    return "pull" if found == "pull" else "push"


Source = Annotated[
    Annotated[PushSource, Tag("push")] | Annotated[PullSource, Tag("pull")], Discriminator(kind_of)
]


class StreamPolicy(StrictModel):
    """How a new stream buffers and remembers; what is left out is the server's default."""

    queue: int | None = None
    on_full: Annotated[str, Field(max_length=32)] | None = None
    memory: Annotated[str, Field(max_length=32)] | None = None
    window_tokens: int | None = None
    sinks: int | None = None
    fidelity: str | None = None
    memory_mb: int | None = None
    persist: bool | None = None
    host_mb: int | None = None
    preset: Annotated[str, Field(max_length=32)] | None = None
    compressor: Annotated[str, Field(max_length=32)] | None = None
    keep: float | None = None
    pruner: Annotated[str, Field(max_length=32)] | None = None
    prune_keep: float | None = None
    token_rate: float | None = None
    gate: float | None = None
    gate_seconds: float | None = None


def asked_settings(policy: StreamPolicy, source: PushSource | PullSource | None) -> dict[str, Any]:
    """Return what a client asked for, by the names of the service's own settings."""
    given = policy.model_dump(exclude_none=True)
    if "memory" in given:
        given["policy"] = given.pop("memory")
    if source is not None and "fps" in source.model_fields_set:
        given["fps"] = source.fps
    return given


class StreamOpen(StrictModel):
    """Begin, or take up again, feeding a stream."""

    type: Literal["lw.stream.open"]
    event_id: Id | None = None
    stream: Name
    source: Source = PushSource()
    policy: StreamPolicy = StreamPolicy()


class StreamClose(StrictModel):
    """Stop feeding a stream, and forget it if asked to."""

    type: Literal["lw.stream.close"]
    event_id: Id | None = None
    stream: Name
    discard_memory: bool = False


class StreamAttach(StrictModel):
    """Follow the state and the statistics of a stream."""

    type: Literal["lw.stream.attach"]
    event_id: Id | None = None
    stream: Name


class StreamDetach(StrictModel):
    """Stop following a stream."""

    type: Literal["lw.stream.detach"]
    event_id: Id | None = None
    stream: Name


class FrameAppend(StrictModel):
    """One picture, for clients that cannot send binary messages."""

    type: Literal["lw.frame.append"]
    event_id: Id | None = None
    stream: Name | None = None
    image: str  # base64 of a JPEG, PNG or WebP file, or such a data URI
    pts_us: Microseconds | None = None
    captured_at: float | None = None  # seconds since 1970


class WatchCreate(WatchParams):
    """Make a watch."""

    type: Literal["lw.watch.create"]
    event_id: Id | None = None


class WatchUpdate(WatchChanges):
    """Change a watch, pause it, or let it go on; an ended one begins again."""

    type: Literal["lw.watch.update"]
    event_id: Id | None = None
    watch_id: Id


class WatchDelete(StrictModel):
    """Forget a watch."""

    type: Literal["lw.watch.delete"]
    event_id: Id | None = None
    watch_id: Id


class WatchAttach(StrictModel):
    """Follow a watch as who made it does; first come its firings with a number above `after`."""

    type: Literal["lw.watch.attach"]
    event_id: Id | None = None
    watch_id: Id
    after: Annotated[int, Field(ge=0)] | None = None  # all that are kept: 0; none: null


class WatchList(StrictModel):
    """Ask for all watches."""

    type: Literal["lw.watch.list"]
    event_id: Id | None = None


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
    | WatchCreate
    | WatchUpdate
    | WatchDelete
    | WatchAttach
    | WatchList
    | Ping
    | Auth
)
CLIENT_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(
    Annotated[ClientEvent, Field(discriminator="type")]
)

__all__ = [
    "CLIENT_EVENTS",
    "Auth",
    "ClientEvent",
    "FrameAppend",
    "ItemCreate",
    "ItemDelete",
    "Message",
    "Part",
    "Ping",
    "PullSource",
    "PushSource",
    "Reference",
    "ResponseCancel",
    "ResponseCreate",
    "ResponseLw",
    "ResponseParams",
    "SessionLw",
    "SessionParams",
    "SessionUpdate",
    "StreamAttach",
    "StreamClose",
    "StreamDetach",
    "StreamOpen",
    "StreamPolicy",
    "WatchAttach",
    "WatchCreate",
    "WatchDelete",
    "WatchList",
    "WatchUpdate",
]


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
