"""Fields of a request as the question that they make, and the schema of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from longwatch.errors import InputError, NotFoundError
from longwatch.models.base import Turn
from longwatch.models.constraint import check_schema
from longwatch.serve.answers.time_expressions import TimeRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.serve.engine.engine import Engine

Microseconds = Annotated[int, Field(ge=0, lt=2**63)]
Milliseconds = Annotated[int, Field(ge=1, le=3_600_000)]

ROUNDING = 0.75  # microseconds: half of one, and what floats lose within thirty years


class Range(BaseModel):
    """A stretch of the stream's clock, in microseconds; an end that is left out is open."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    start: Microseconds = Field(default=0, alias="from")
    end: Microseconds | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError("a range must not end before it begins; swap `from` and `to`")
        return self


def choose_stream(engine: Engine, named: Sequence[str] | None, own: Sequence[str] = ()) -> str:
    """Return the stream that is asked about: the one named, else the only one there is.

    `own` are the streams of the session that asks; they go before the server's others.

    Raises:
        NotFoundError: the stream named does not exist, or there is none at all.
        InputError: several are named (`too_many_streams`), or none of several (`stream_required`).
    """
    if named is not None and len(named) > 1:
        raise InputError(
            f"a question is about one stream and {len(named)} are named; ask about each by itself",
            code="too_many_streams",
            param="lw.streams",
        )
    if named:
        return engine.stream(named[0]).name
    there = [stream.name for stream in engine.streams()]
    for names in ([name for name in own if name in there], there):
        if len(names) == 1:
            return names[0]
        if names:
            raise InputError(
                f"there are several streams ({', '.join(names[:8])}); name one in lw.streams",
                code="stream_required",
                param="lw.streams",
            )
    raise NotFoundError(
        "there is no stream yet; open one and push frames before asking",
        code="stream_not_found",
        param="lw.streams",
    )


def parse_as_of(as_of: Literal["now"] | int) -> float | None:
    """Return the stream time, in seconds, that `as_of` microseconds stand for; None is now.

    Times on the wire are rounded, so the frame that carries this very time still belongs to it.
    """
    return None if as_of == "now" else (as_of + ROUNDING) / 1e6


def parse_deadline(deadline: int | None) -> float | None:
    """Return the seconds that `deadline` milliseconds are; None is without a deadline."""
    return None if deadline is None else deadline / 1000


def parse_range(asked: Range | Literal["auto"] | None) -> TimeRange | Literal["auto"] | None:
    """Return the stretch, in seconds, that a range stands for, with the frames at its ends."""
    if asked is None or asked == "auto":
        return asked
    until = float("inf") if asked.end is None else (asked.end + ROUNDING) / 1e6
    return TimeRange(max(0.0, (asked.start - ROUNDING) / 1e6), until)


def fit_dialogue(turns: Sequence[Turn], instructions: str | None, limit: int) -> tuple[Turn, ...]:
    """Return what is put to the model: the instructions, then the newest turns that fit `limit`.

    `limit` is in characters; whole turns are left out, the oldest first.

    Raises:
        InputError: no question stands at the end (`no_question`), or it alone is too long
            (`context_overflow`).
    """
    if not turns or turns[-1].role != "user" or not turns[-1].text.strip():
        raise InputError(
            "there is no question to answer; the dialogue must end with a user's message of text",
            code="no_question",
        )
    head = (Turn("system", instructions),) if instructions else ()
    room = limit - sum(len(turn.text) for turn in head) - len(turns[-1].text)
    if room < 0:
        raise InputError(
            f"the question and its instructions are longer than {limit} characters; shorten them",
            code="context_overflow",
        )
    first = len(turns) - 1
    while first and len(turns[first - 1].text) <= room:
        first -= 1
        room -= len(turns[first].text)
    return head + tuple(turns[first:])


Json = Literal["auto", "fields", "whole"]  # how an answer of a schema is made

ANY_OBJECT = {"type": "object"}


def response_schema(kind: str, schema: dict[str, Any] | None, param: str) -> str | None:
    """Return the schema, as JSON, that a format asks for; None is text.

    Raises:
        InputError: there is no such format, or no answer can be made to fit the schema
            (`unsupported_schema`).
    """
    if kind == "text":
        return None
    if kind == "json_object":
        return check_schema(ANY_OBJECT, param)
    if kind != "json_schema":
        raise InputError(
            f"there is no format {kind[:64]!r}; use text, json_schema or json_object", param=param
        )
    if schema is None:
        raise InputError(
            "the format json_schema needs a schema; add it", code="missing_parameter", param=param
        )
    return check_schema(schema, param)


def asks_by_field(asked: Json) -> bool | None:
    """Return whether each field of a schema is asked for by itself; None is as suits the model."""
    return None if asked == "auto" else asked == "fields"
