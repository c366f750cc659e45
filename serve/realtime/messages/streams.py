"""Streams: feeding them, and following them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from longwatch.serve.protocol.questions import Microseconds
from longwatch.serve.protocol.validation import Id, Name, Strict
from longwatch.stream.pull.address import Address, parse_address


class PushSource(Strict):
    """Frames come over this connection."""

    kind: Literal["push"] = "push"
    format: Annotated[str, Field(max_length=32)] = "image"
    width: Annotated[int, Field(ge=1, le=65535)] | None = None  # of raw_rgb
    height: Annotated[int, Field(ge=1, le=65535)] | None = None
    fps: float | None = None  # frames taken a second; null takes all


class PullSource(Strict):
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


class StreamOpen(Strict):
    """Begin, or take up again, feeding a stream."""

    type: Literal["lw.stream.open"]
    event_id: Id | None = None
    stream: Name
    source: Source = PushSource()
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
