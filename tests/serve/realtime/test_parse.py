"""From text to events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import LongwatchError, ProtocolError
from longwatch.serve.realtime import events
from longwatch.serve.realtime.messages import ResponseCreate, StreamOpen
from longwatch.serve.realtime.parse import event_id, event_types, load, parse

data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(data, st.sampled_from(event_types()))
def test_anything_is_an_event_or_a_protocol_error(value: Any, kind: str) -> None:
    for candidate in (value, {"type": kind, "value": value}, {"type": value}):
        try:
            parse(candidate)
        except ProtocolError as error:
            json.dumps(events.error(error, event_id(candidate))).encode()


@pytest.mark.parametrize("text", ["", "{", "nul", "1" * 9999, "[" * 100_000, '"\\u12"'])
def test_what_is_not_json_is_said_so(text: str) -> None:
    with pytest.raises(ProtocolError) as told:
        load(text)
    assert told.value.code == "invalid_json"


def test_openai_s_objects_may_hold_more_and_ours_may_not() -> None:
    event = parse({"type": "response.create", "response": {"voice": "x", "lw": {}}, "new": 1})
    assert isinstance(event, ResponseCreate)
    for wrong in ({"lw": {"x": 1}}, {"lw": {"as_of": -1}}, {"lw": {"as_of": 0.5}}):
        with pytest.raises(ProtocolError):
            parse({"type": "response.create", "response": wrong})
    with pytest.raises(ProtocolError, match="fsp"):
        parse({"type": "lw.stream.open", "stream": "a", "source": {"fsp": 2}})


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
