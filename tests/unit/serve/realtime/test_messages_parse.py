"""From text to events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import LongwatchError, ProtocolError
from longwatch.serve.realtime import events
from longwatch.serve.realtime.messages import (
    EVENT_TYPES,
    ResponseCreate,
    StreamOpen,
    event_id,
    parse,
)

data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(data, st.sampled_from(EVENT_TYPES))
def test_anything_is_an_event_or_a_protocol_error(value: Any, kind: str) -> None:
    for candidate in (value, {"type": kind, "value": value}, {"type": value}):
        try:
            parse(candidate)
        except ProtocolError as error:
            json.dumps(events.error(error, event_id(candidate))).encode()


def test_openai_s_objects_may_hold_more_and_ours_may_not() -> None:
    event = parse({"type": "response.create", "response": {"voice": "x", "lw": {}}, "new": 1})
    assert isinstance(event, ResponseCreate)
    for wrong in ({"lw": {"x": 1}}, {"lw": {"as_of": -1}}, {"lw": {"as_of": 0.5}}):
        with pytest.raises(ProtocolError):
            parse({"type": "response.create", "response": wrong})
    with pytest.raises(ProtocolError, match="fsp"):
        parse({"type": "lw.stream.open", "stream": "a", "source": {"fsp": 2}})


@pytest.mark.parametrize("wrong", [{}, {"event_id": "x"}, [], None, 5, "lw.ping"])
def test_a_message_without_a_type_is_none(wrong: Any) -> None:
    with pytest.raises(ProtocolError, match="a `type`"):
        parse(wrong)


@pytest.mark.parametrize("value", [-1, 1.5, "x", None, True, 2**80, [1], {}])
def test_an_error_names_the_field_and_everything_that_it_may_be(value: Any) -> None:
    with pytest.raises(ProtocolError, match=r"'now', or ") as told:
        parse({"type": "response.create", "response": {"lw": {"as_of": value}}})
    assert told.value.param == "response.lw.as_of"


def test_an_error_names_the_field_that_is_missing() -> None:
    for wrong, param in (({}, "item"), ({"item": {"type": "message", "content": []}}, "item.role")):
        with pytest.raises(ProtocolError) as told:
            parse({"type": "conversation.item.create", **wrong})
        assert (told.value.code, told.value.param) == ("missing_parameter", param)


def test_a_rate_of_null_differs_from_no_rate() -> None:
    for source, given_fields in (({"fps": None}, {"fps"}), ({}, set[str]())):
        event = parse({"type": "lw.stream.open", "stream": "a", "source": source})
        assert isinstance(event, StreamOpen)
        assert event.source.model_fields_set == given_fields


def test_an_error_event_has_openai_s_fields_and_ours() -> None:
    error = events.error(LongwatchError("why", param="x"), "mine", fatal=True, stream="cam")
    assert error["type"] == "error"
    assert error["error"] == {
        "type": "server_error",
        "code": "internal",
        "message": "why",
        "param": "x",
        "event_id": "mine",
        "lw": {"retryable": False, "fatal": True, "retry_after_ms": None, "stream": "cam"},
    }
