"""Laws of answers that are JSON of a schema, with the bundled model's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import InputError
from longwatch.models.bundled_model import BundledVLM, load_bundled
from longwatch.models.constraint import Constraint, check_schema

MODEL = load_bundled()
MOST = 600  # tokens


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Return schemas whose answers are short."""
    words = st.text('abcdefgh \u00e4\u20ac"\\', min_size=1, max_size=6)
    leaves = st.one_of(
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.builds(lambda n: {"type": "integer", "minimum": 0, "maximum": n}, st.integers(0, 999)),
        st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 6)),
        st.builds(lambda e: {"enum": e}, st.lists(words, min_size=1, max_size=4, unique=True)),
    )

    def grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        array = st.builds(
            lambda items, n: {"type": "array", "items": items, "minItems": n, "maxItems": n},
            inner,
            st.integers(0, 2),
        )
        return st.one_of(
            array, st.builds(objects, st.dictionaries(words, inner, min_size=1, max_size=3))
        )

    return st.recursive(leaves, grown, max_leaves=4)


def objects(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with just these fields."""
    closed = {"required": list(fields), "additionalProperties": False}
    return {"type": "object", "properties": fields, **closed}


def write(schema: dict[str, Any], seed: int, model: BundledVLM = MODEL) -> str:
    """Return an answer of random tokens that the schema allows."""
    rule = Constraint(model, check_schema(schema, "schema"))
    draw, ids = torch.Generator().manual_seed(seed), list[int]()
    for _ in range(MOST):
        allowed = rule.allowed(torch.randn(len(model.tokenizer), generator=draw))
        token = int(allowed.argmax())
        assert allowed[token] > -torch.inf
        if token in model.stop_ids:
            break
        ids.append(token)
        if rule.take(token):
            break
    return rule.decode(ids)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether a value is of a schema; an oracle that knows what `schemas` makes."""
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "object":
            names = schema["properties"]
            return set(value) == set(names) and all(fits(value[n], names[n]) for n in names)
        case "array":
            good = all(fits(item, schema["items"]) for item in value)
            return good and schema["minItems"] <= len(value) <= schema["maxItems"]
        case "string":
            return isinstance(value, str) and len(value) <= schema["maxLength"]
        case "integer":
            return type(value) is int and 0 <= value <= schema["maximum"]
        case "boolean":
            return isinstance(value, bool)
    return value is None


@settings(max_examples=60, deadline=None)
@given(schemas(), st.integers(0, 2**31))
def test_whatever_the_model_would_say_the_answer_fits(schema: dict[str, Any], seed: int) -> None:
    assert fits(json.loads(write(schema, seed)), schema)


def test_what_may_follow_is_all_that_may() -> None:
    rule = Constraint(MODEL, check_schema({"enum": ["yes", "no"]}, "schema"))
    spelling = MODEL.tokenizer.spelling()
    allowed = rule.allowed(torch.zeros(len(spelling))) > -torch.inf
    begins = {spelling[i] for i in allowed.nonzero().flatten().tolist()}
    assert begins
    assert all(b'"yes"'.startswith(text) or b'"no"'.startswith(text) for text in begins)


def test_the_spelling_is_what_the_tokenizer_decodes() -> None:
    spelling = MODEL.tokenizer.spelling()
    assert len(spelling) == len(MODEL.tokenizer)
    for text in ("cheetah", "a red fox", '{"a":1}'):
        ids = MODEL.tokenizer.encode(text)
        assert b"".join(spelling[i] for i in ids).decode().strip() == text


@pytest.mark.parametrize("schema", [{"type": "nothing"}, "a", {"$ref": "http://elsewhere/x"}])
def test_a_schema_that_cannot_be_enforced_is_refused(schema: Any) -> None:
    with pytest.raises(InputError) as refused:
        check_schema(schema, "response_format.json_schema.schema")
    assert refused.value.code == "unsupported_schema"
    assert refused.value.param == "response_format.json_schema.schema"
