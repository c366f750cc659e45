"""Questions and the events of their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from longwatch.models.sampling import Sampling

if TYPE_CHECKING:
    from longwatch.errors import LongwatchError
    from longwatch.models.base import Turn
    from longwatch.serve.answers.time_expressions import TimeRange

Status = Literal["completed", "incomplete", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a stream, and how it is to be answered."""

    turns: tuple[Turn, ...]  # the dialogue; the last one is the user's
    sampling: Sampling = field(default_factory=Sampling)
    as_of: float | None = None  # seconds on the stream's clock; None: the newest frame read
    range: TimeRange | Literal["auto"] | None = "auto"  # to recall from; auto: as its words say
    schema: str | None = None  # of the JSON that the answer is to be, as JSON; None: any text
    by_field: bool | None = None  # ask for each field of it by itself; None: as suits the model
    deadline: float | None = None  # seconds after it was put; it fails unless it began by then


class QuestionCounts(NamedTuple):
    """How many questions about one stream are under way."""

    running: int = 0  # whose answer began
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that an answer took."""

    context_tokens: int  # of the stream's memory, as seen by the layer that saw most
    input_tokens: int  # of the dialogue
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Where an answer's time went, in milliseconds; what has not happened is None."""

    queue_ms: float | None  # from the question's arrival to the start of its prefill
    prefill_ms: float | None
    ttft_ms: float | None  # from the question's arrival to the first token
    total_ms: float


class Evidence(NamedTuple):
    """A frame that an answer rests on."""

    time: float  # seconds on the stream's clock
    weight: float | None  # share of what was recalled, 0 to 1; None of a frame at hand
    why: Literal["recalled", "at_hand"]


@dataclass(frozen=True, slots=True)
class Started:
    """The answer was taken in, and stands on the frames up to `as_of`."""

    as_of: float  # seconds on the stream's clock
    queue_position: int  # answers under way before this one


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """What the answer will rest on, known before its first word."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of text. It never splits a character."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of every answer."""

    status: Status
    reason: str | None  # `stop`, `max_output_tokens`, `client_cancelled`, or an error's code
    text: str  # all pieces joined
    as_of: float
    usage: Usage
    timing: Timing
    error: LongwatchError | None = None
    evidence: tuple[Evidence, ...] = ()
    range: TimeRange | None = None  # what was recalled lies in it; None: anywhere
    range_dropped: bool = False  # of the range that was asked for, or said, no frame is held


AnswerEvent = Started | EvidenceFound | Delta | Done
