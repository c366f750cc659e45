"""What a chat completion asks, in OpenAI's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longwatch.errors import InputError, ProtocolError
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import Question
from longwatch.serve.protocol.questions import (
    Json,
    Microseconds,
    Milliseconds,
    Range,
    asks_by_field,
    choose_stream,
    fit_dialogue,
    parse_as_of,
    parse_deadline,
    parse_range,
    response_schema,
)
from longwatch.serve.protocol.validation import first_fault, load_json

if TYPE_CHECKING:
    from longwatch.serve.service import Service

ROLES: dict[str, Literal["user", "assistant", "system"]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


class Loose(BaseModel):
    """An object of OpenAI's: it may hold more than we know."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Part(Loose):
    """A piece of a message: text, or the stream that is asked about."""

    type: str
    text: str | None = None
    stream: str | None = None


class Message(Loose):
    """A message of the dialogue."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(Loose):
    """What a streamed answer holds."""

    include_usage: bool = False


class JsonSchema(Loose):
    """The JSON that an answer is to be."""

    name: str = "answer"
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class ResponseFormat(Loose):
    """What an answer looks like."""

    type: str
    json_schema: JsonSchema | None = None


class Lw(BaseModel):
    """Our part of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    stream: str | None = None
    as_of: Literal["now"] | Microseconds = "now"
    range: Range | Literal["auto"] | None = "auto"  # to recall from; auto: as the question says
    deadline_ms: Milliseconds | None = None  # for the answer to begin in; else it fails
    json_: Json = Field(default="auto", alias="json")  # one question a field, or one for the whole


class ChatRequest(Loose):
    """What is asked, and how it is to be answered."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    n: int | None = None
    tools: list[Any] | None = None
    logprobs: bool | None = None
    response_format: ResponseFormat | None = None
    lw: Lw = Lw()


def parse_request(body: bytes) -> ChatRequest:
    """Return the request that `body` is.

    Raises:
        ProtocolError: it is not JSON, or a field of it is wrong.
    """
    data = load_json(body)
    try:
        return ChatRequest.model_validate(data)
    except ValidationError as error:
        kind, param, told = first_fault(error, data)
    code = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}
    raise ProtocolError(
        f"{param or 'the request'} cannot be taken: {told}",
        code=code.get(kind, "invalid_value"),
        param=param or None,
    )


def to_question(request: ChatRequest, service: Service) -> tuple[str, Question]:
    """Return the stream that is asked about and the question.

    The stream is named by a content part of type `lw.stream`, by `lw.stream`, or by the model's
    name followed by `@` and the stream's; else it is the only one there is.

    Raises:
        LongwatchError: the question cannot be put.
    """
    _refuse_unsupported(request)
    model, _, suffix = request.model.partition("@")
    service.check_model(model)
    named = [part.stream for m in request.messages for part in _parts(m) if part.stream]
    named += [name for name in (request.lw.stream, suffix) if name]
    stream = choose_stream(service.engine, list(dict.fromkeys(named)))
    turns = [Turn(_role(m, i), _text(m, i)) for i, m in enumerate(request.messages)]
    question = Question(
        turns=fit_dialogue(turns, None, service.settings.max_question_chars),
        sampling=_sampling(request),
        as_of=parse_as_of(request.lw.as_of),
        range=parse_range(request.lw.range),
        schema=_schema(request.response_format),
        by_field=asks_by_field(request.lw.json_),
        deadline=parse_deadline(request.lw.deadline_ms),
    )
    return stream, question


def _sampling(request: ChatRequest) -> Sampling:
    usual = Sampling()
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    tokens = request.max_completion_tokens
    if tokens is None:
        tokens = request.max_tokens
    return Sampling(
        temperature=usual.temperature if request.temperature is None else request.temperature,
        top_p=usual.top_p if request.top_p is None else request.top_p,
        seed=request.seed,
        max_tokens=usual.max_tokens if tokens is None else tokens,
        stop=tuple(stop),
    )


def _refuse_unsupported(request: ChatRequest) -> None:
    """Raise `InputError` for what would otherwise be silently ignored."""
    asked = {
        "n": request.n not in (None, 1),
        "tools": bool(request.tools),
        "logprobs": bool(request.logprobs),
    }
    for param, refused in asked.items():
        if refused:
            raise InputError(
                f"{param} as you set it is not supported; leave it out",
                code="unsupported_parameter",
                param=param,
            )


def _schema(form: ResponseFormat | None) -> str | None:
    given = None if form is None or form.json_schema is None else form.json_schema.schema_
    return None if form is None else response_schema(form.type, given, "response_format")


def _parts(message: Message) -> list[Part]:
    return message.content if isinstance(message.content, list) else []


def _role(message: Message, i: int) -> Literal["user", "assistant", "system"]:
    if message.role not in ROLES:
        raise InputError(
            f"a message cannot have the role {message.role[:64]!r}; known: {', '.join(ROLES)}",
            param=f"messages.{i}.role",
        )
    return ROLES[message.role]


def _text(message: Message, i: int) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    for j, part in enumerate(message.content):
        if part.type not in ("text", "lw.stream"):
            raise InputError(
                f"content of type {part.type[:64]!r} cannot be taken; write `text`, and push "
                "pictures to a stream",
                code="unsupported_content",
                param=f"messages.{i}.content.{j}",
            )
    return "\n".join(part.text for part in message.content if part.text)
