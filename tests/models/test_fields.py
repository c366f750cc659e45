"""Laws of schemas taken apart: whatever is said, the whole is JSON that fits the schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.models.constraint import Constraint, check_schema
from longwatch.models.fields import MOST, Plan, plan_of
from tests.models.test_constraint import MODEL, objects, schemas

ROOM = 40  # tokens of a field
THING = {"type": "object", "properties": {"seen": {"type": "boolean"}}, "required": ["seen"]}


def planned(schema: dict[str, Any], asked: str = "what do you see?") -> Plan:
    plan = plan_of(json.dumps(schema), asked)
    assert plan is not None
    return plan


def write(plan: Plan, seed: int) -> str | None:
    """Return what random tokens make of a plan; None where a field found no end."""
    draw, text = torch.Generator().manual_seed(seed), ""
    for field in plan.fields:
        voice = field.voice(MODEL)
        text += voice.lead
        for _ in range(ROOM):
            logits = torch.randn(len(MODEL.tokenizer), generator=draw)
            for stop in MODEL.stop_ids:  # else most random texts are very long
                logits[stop] += 6
            token = int(voice.allowed(logits).argmax())
            if token in MODEL.stop_ids:
                break
            text += voice.push(token)
            if voice.whole:
                break
        else:
            return None
        text += voice.finish()
    return text + plan.tail


def fits(text: str, schema: dict[str, Any]) -> bool:
    """Tell whether JSON fits a schema, by the library that constrains other answers."""
    from llguidance import LLMatcher, LLTokenizer

    grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema))
    matcher = LLMatcher(LLTokenizer("byte"), grammar)
    return bool(matcher.consume_tokens(list(text.encode())) and matcher.is_accepting())


def test_the_judge_of_these_tests_knows_right_from_wrong() -> None:
    assert fits('{"seen":true}', THING)
    assert not fits('{"seen":"yes"}', THING)
    assert not fits('{"seen":true', THING)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from("abcde"), schemas(), min_size=1), st.integers(0, 2**31))
def test_whatever_the_model_says_the_whole_fits(fields: dict[str, Any], seed: int) -> None:
    schema = objects(fields)
    check_schema(schema, "schema")
    text = write(planned(schema), seed)
    if text is not None:
        assert fits(text, schema), text


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31))
def test_what_pydantic_writes_is_taken_apart(seed: int) -> None:
    colour = {"enum": ["red", "blue"], "title": "Colour", "type": "string"}
    car = {"type": "object", "properties": {"colour": {"$ref": "#/$defs/Colour"}}}
    schema = {
        "$defs": {"Colour": colour, "Car": {**car, "required": ["colour"]}},
        "type": "object",
        "title": "Scene",
        "properties": {
            "car": {"$ref": "#/$defs/Car", "description": "the car"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "cars": {"type": "integer", "minimum": 2, "exclusiveMaximum": 5},
            "seen": {"type": "array", "items": {"$ref": "#/$defs/Colour"}, "maxItems": 2},
            "short": {"type": "string", "minLength": 2, "maxLength": 9},
            "maybe": {"type": ["boolean", "null"]},
            "kind": {"const": "scene"},
        },
        "required": ["car"],
        "additionalProperties": False,
    }
    plan = planned(schema)
    assert [field.kind for field in plan.fields] == [
        "choice",
        "words",
        "count",
        "list",
        "words",
        "flag",
    ]
    assert [i for i, field in enumerate(plan.fields) if field.nullable] == [1, 5]
    text = write(plan, seed)
    if text is not None:
        assert fits(text, schema), text
        assert json.loads(text)["kind"] == "scene"


def test_what_is_no_plain_value_keeps_its_constraint() -> None:
    plan = planned(
        {
            "type": "object",
            "properties": {
                "plate": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "far": {"type": "integer", "minimum": 1000, "maximum": 1009},
                "pair": {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
                "either": {"anyOf": [{"type": "boolean"}, {"type": "integer"}]},
            },
        }
    )
    assert [field.kind for field in plan.fields] == ["other"] * 4


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
        {"anyOf": [THING, {"type": "null"}]},
        {**THING, "required": ["seen", "more"]},
        {**THING, "minProperties": 1},
        {**THING, "properties": {"a": {"$ref": "#"}}, "required": []},
        objects({f"a{i}": {"type": "boolean"} for i in range(MOST + 1)}),
    ],
    ids=["list", "any", "maybe", "more", "count", "itself", "many"],
)
def test_what_cannot_be_taken_apart_is_left_whole(schema: dict[str, Any]) -> None:
    assert plan_of(json.dumps(schema), "what?") is None


def test_a_single_field_is_the_user_s_own_question() -> None:
    (only,) = planned(objects({"answer": {"type": "string"}}), "who came?").fields
    assert only.question == "who came?"
    described = {"type": "string", "description": "Who went"}
    (only,) = planned(objects({"answer": described}), "who came?").fields
    assert only.question == "Who went?"


def test_the_rule_for_what_is_other_is_that_of_the_whole() -> None:
    field = planned(objects({"a": {"type": "number", "minimum": 5, "maximum": 5}, "b": THING}))
    assert field.fields[0].kind == "other"
    voice = field.fields[0].voice(MODEL)
    rule = Constraint(MODEL, json.dumps(field.fields[0].schema))
    logits = torch.zeros(len(MODEL.tokenizer))
    assert torch.equal(voice.allowed(logits), rule.allowed(logits))
