"""Answers that are asked for field by field, over one snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from longwatch.errors import InputError
from longwatch.memory import Full
from longwatch.models.base import Turn
from longwatch.models.bundled_model import BundledVLM, load_bundled
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.answer import Answer, run_to_completion
from longwatch.serve.answers.evidence import MOST
from longwatch.serve.answers.plan import AnswerPlan, plan_answer
from longwatch.serve.answers.time_expressions import TimeRange
from longwatch.serve.answers.types import AnswerEvent, Delta, Done, EvidenceFound, Question
from longwatch.serve.observability.observer import EngineObserver
from tests.support import tiny

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot

FIELDS: dict[str, dict[str, Any]] = {
    "goldfish": {"type": "boolean"},
    "background": {"enum": ["red", "black", "white"]},
    "things": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    "then": {"type": "string", "description": "What was there at 0:02?", "maxLength": 60},
}
SCHEMA = json.dumps({"type": "object", "properties": FIELDS})
TIMES = [float(i) for i in range(12)]


@pytest.fixture(scope="module")
def model() -> BundledVLM:
    return load_bundled()


@pytest.fixture(scope="module")
def snapshot(model: BundledVLM) -> Snapshot:
    return tiny.remember(model, Full(), TIMES)


def question(text: str = "what do you see?", tokens: int = 200, **more: Any) -> Question:
    return Question((Turn("user", text),), Sampling(max_tokens=tokens), schema=SCHEMA, **more)


def made(model: Any, snapshot: Snapshot, asked: Question) -> AnswerPlan:
    return plan_answer(model, asked, snapshot, None, lambda: None, {})


@torch.inference_mode()
def said(model: BundledVLM, snapshot: Snapshot, asked: Question) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    answer = Answer(asked, snapshot, model, events.append, EngineObserver())
    answer.start(0)
    run_to_completion(model, answer)
    return events


def test_the_pieces_joined_are_json_of_the_schema(model: BundledVLM, snapshot: Snapshot) -> None:
    *events, done = said(model, snapshot, question())
    assert isinstance(done, Done)
    assert done.status == "completed"
    assert "".join(event.text for event in events if isinstance(event, Delta)) == done.text
    found = json.loads(done.text)
    assert list(found) == list(FIELDS)
    assert isinstance(found["goldfish"], bool)
    assert found["background"] in FIELDS["background"]["enum"]
    assert len(found["things"]) <= 3
    assert isinstance(found["then"], str)


def test_each_field_is_what_its_question_alone_is_answered_with(
    model: BundledVLM, snapshot: Snapshot
) -> None:
    whole = said(model, snapshot, question())[-1]
    assert isinstance(whole, Done)
    found = json.loads(whole.text)
    alone_asked = Question((Turn("user", "What was there at 0:02?"),), Sampling(max_tokens=200))
    done = said(model, snapshot, alone_asked)[-1]
    assert isinstance(done, Done)
    assert found["then"] == done.text[:60]


def test_evidence_is_that_of_all_fields_and_tokens_are_counted_over_them(
    model: BundledVLM, snapshot: Snapshot
) -> None:
    asked = question()
    *events, done = said(model, snapshot, asked)
    assert isinstance(done, Done)
    shown = [event.evidence for event in events if isinstance(event, EvidenceFound)]
    assert shown[-1] == done.evidence
    assert 0 < len(done.evidence) <= MOST
    assert sum(each.weight or 0 for each in done.evidence) <= 1 + 1e-6
    parts = made(model, snapshot, asked).parts
    assert done.usage.input_tokens == sum(len(part.reader.ids) for part in parts)


def test_a_field_s_own_time_goes_before_that_of_the_user_s_question(
    model: BundledVLM, snapshot: Snapshot
) -> None:
    spans = [part.reader.limits.span for part in made(model, snapshot, question()).parts]
    assert spans[:3] == [None] * 3
    assert spans[3] is not None
    assert spans[3].near == 2
    timed = made(model, snapshot, question("what do you see at 0:07?"))
    nears = [part.reader.limits.span and part.reader.limits.span.near for part in timed.parts]
    assert nears == [7, 7, 7, 2]
    fixed = made(model, snapshot, question(range=TimeRange(3, 5)))
    assert {part.reader.limits.span for part in fixed.parts} == {TimeRange(3, 5)}


def test_who_asks_says_how_and_else_the_model_does(model: BundledVLM, snapshot: Snapshot) -> None:
    for by_field, parts in ((None, 4), (True, 4), (False, 1)):
        assert len(made(model, snapshot, question(by_field=by_field)).parts) == parts
    listing = json.dumps({"type": "array", "items": {"type": "boolean"}, "maxItems": 2})
    whole = replace(question(by_field=True), schema=listing)
    assert len(made(model, snapshot, whole).parts) == 1
    assert len(made(model, snapshot, replace(question(by_field=True), schema=None)).parts) == 1


def test_a_model_of_dialogues_is_told_the_user_s_question_too() -> None:
    model = tiny.TinyVideoLM()
    snapshot = tiny.remember(model, Full(), TIMES)
    first, second = made(model, snapshot, question("why?", 20, by_field=True)).parts[:2]
    told = "why?\nIs there a goldfish? Answer with yes or no."
    assert first.reader.ids == model.prompt_ids([Turn("user", told)])
    assert len(second.reader.ids) > len(model.prompt_ids([Turn("user", "why?\n")]))


def test_tokens_are_bounded_over_all_fields(model: BundledVLM, snapshot: Snapshot) -> None:
    done = said(model, snapshot, question(tokens=2))[-1]
    assert isinstance(done, Done)
    assert (done.status, done.reason) == ("incomplete", "max_output_tokens")
    assert done.usage.output_tokens == 2
    with pytest.raises(InputError):
        made(model, snapshot, question(tokens=5000))


@torch.inference_mode()
def test_a_cancel_ends_it_between_two_fields(model: BundledVLM, snapshot: Snapshot) -> None:
    events: list[AnswerEvent] = []

    def listen(event: AnswerEvent) -> None:
        events.append(event)
        if isinstance(event, EvidenceFound):
            answer.cancel()

    answer = Answer(question(), snapshot, model, listen, EngineObserver())
    answer.start(0)
    run_to_completion(model, answer)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.status == "cancelled"
    assert sum(isinstance(event, EvidenceFound) for event in events) == 1
