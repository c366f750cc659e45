"""Messages of a conversation, and questions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from longwatch.serve.protocol.questions import Json, Microseconds, Milliseconds, Range
from longwatch.serve.protocol.validation import Id, Loose, Name, Strict, Tokens


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
    deadline_ms: Milliseconds | None = None  # for the answer to begin in; else it fails
    json_: Json = Field(default="auto", alias="json")  # one question a field, or one for the whole
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Annotated[list[str], Field(max_length=16)] | None = None


class TextFormat(Loose):
    """What an answer looks like: `text`, `json_object`, or `json_schema` with its schema."""

    type: Annotated[str, Field(max_length=64)] = "text"
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class TextParams(Loose):
    """How an answer's text is to be."""

    format: TextFormat = TextFormat()


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
    text: TextParams = TextParams()
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
