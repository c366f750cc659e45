"""What an answer is made of: one dialogue and its answer, or one for each field of its schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import InputError
from longwatch.models.base import Turn
from longwatch.models.fields import plan_of
from longwatch.models.voice import Fitted, Spoken
from longwatch.serve.answers.reader import PromptReader
from longwatch.serve.answers.scope import limit_recall
from longwatch.serve.answers.time_expressions import resolve_relative_times

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM
    from longwatch.models.fields import Field, Plan
    from longwatch.models.voice import Voice
    from longwatch.serve.answers.scope import RecallScope
    from longwatch.serve.answers.types import Question

MAX_INPUT_TOKENS = 8192
MAX_OUTPUT_TOKENS = 4096


def check_lengths(prompt: int, output: int) -> None:
    """Raise `InputError` where a prompt or an answer of so many tokens is too long."""
    if prompt > MAX_INPUT_TOKENS:
        raise InputError(
            f"the question and its dialogue are {prompt} tokens long and {MAX_INPUT_TOKENS} are "
            "allowed; ask something shorter or begin a new conversation",
            code="context_overflow",
        )
    if output > MAX_OUTPUT_TOKENS:
        raise InputError(
            f"an answer may be {MAX_OUTPUT_TOKENS} tokens long, not {output}; lower it",
            param="max_output_tokens",
        )


BRIEFLY = " Answer with that alone, in a few words."


class PlannedPart(NamedTuple):
    """A dialogue that is put to the model, and what writes down its answer."""

    reader: PromptReader
    voice: Voice


class AnswerPlan(NamedTuple):
    """All of them, in their order, and the text that ends the answer."""

    parts: tuple[PlannedPart, ...]
    tail: str
    limits: RecallScope  # of the user's own question


def plan_answer(
    model: VideoLM,
    question: Question,
    snapshot: Snapshot,
    origin: float | None,
    wake: Callable[[], None],
    about: Mapping[str, str],
) -> AnswerPlan:
    """Return what is to be read and written for a question.

    Raises:
        InputError: a dialogue or the answer is too long (`context_overflow`), or no answer can be
            made to fit the schema (`unsupported_schema`).
        ModelError: the tokenizer of the model cannot be used for that.
    """
    most, stop = question.sampling.max_tokens, question.sampling.stop
    limits = limit_recall(snapshot, question, origin)

    def part(asked: Question, limits: RecallScope, voice: Voice) -> PlannedPart:
        ids = model.prompt_ids(resolve_relative_times(asked.turns, snapshot.as_of))
        check_lengths(len(ids), most)
        return PlannedPart(PromptReader(model, ids, limits, most, wake, about), voice)

    plan = _plan(model, question)
    if plan is None:
        schema = question.schema
        voice = Spoken(model.tokenizer, stop) if schema is None else Fitted(model, schema, stop)
        return AnswerPlan((part(question, limits, voice),), "", limits)
    found = []
    for field in plan.fields:
        asked = _asking(model, question, field)
        own = limit_recall(snapshot, asked, origin) if question.range == "auto" else limits
        bound = own if own.span is not None or own.dropped else limits
        found.append(part(asked, bound, field.voice(model, stop)))
    return AnswerPlan(tuple(found), plan.tail, limits)


def _plan(model: VideoLM, question: Question) -> Plan | None:
    """Return the fields that are asked one by one, if they are."""
    by_field = model.field_by_field if question.by_field is None else question.by_field
    if question.schema is None or not by_field:
        return None
    return plan_of(question.schema, question.turns[-1].text)


def _asking(model: VideoLM, question: Question, field: Field) -> Question:
    """Return the question for one field.

    A model that is made for single questions gets nothing else, others the user's own one, too.
    """
    *before, last = question.turns
    text = field.question
    if not model.field_by_field:
        text = text if text == last.text else f"{last.text}\n{text}"
        text += model.yes_or_no if field.kind == "flag" else BRIEFLY
    return replace(question, turns=(*before, Turn("user", text)))
