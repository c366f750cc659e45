"""JSON from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ProtocolError
from longwatch.serve.protocol.validation import load_json

WRONG = [
    "",
    "{",
    "nul",
    "1" * 9999,
    "[" * 100_000,
    '"\\u12"',
    '"\\ud800"',
    '{"\\uDFFF": 1}',
    b"\xff",
]
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_not_json_is_said_so_in_a_few_words(text: str | bytes) -> None:
    with pytest.raises(ProtocolError) as told:
        load_json(text)
    assert told.value.code == "invalid_json"
    assert len(str(told.value)) < 200
    assert "sys." not in str(told.value)


@settings(max_examples=50, deadline=None)
@given(data, st.booleans())
def test_json_says_what_was_written(value: Any, ascii_only: bool) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only)
    assert load_json(written) == load_json(written.encode()) == value
