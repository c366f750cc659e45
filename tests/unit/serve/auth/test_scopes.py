"""Which scope what needs."""

from __future__ import annotations

import pytest

from longwatch.serve.auth.scopes import (
    EVENTS,
    scope_of_event,
    scope_of_request,
    stream_of_request,
)
from longwatch.serve.realtime.messages import EVENT_TYPES


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/streams", "ask"),
        ("GET", "/v1/streams/door/frames/1.jpg", "ask"),
        ("POST", "/v1/chat/completions", "ask"),
        ("POST", "/v1/streams/door/ask", "ask"),
        ("POST", "/v1/streams", "manage"),
        ("POST", "/v1/streams/ask", "manage"),  # a stream of that name
        ("DELETE", "/v1/streams/door", "manage"),
        ("DELETE", "/v1/streams/door/ask", "manage"),
        ("GET", "/metrics", "manage"),
        ("POST", "/v1/tickets", None),
        ("GET", "/v1/models", None),
        ("BREW", "/v1/coffee", "manage"),
    ],
)
def test_reading_is_asking_and_what_nobody_thought_of_is_for_managers(
    method: str, path: str, scope: str | None
) -> None:
    assert scope_of_request(method, path) == scope


def test_an_event_that_nobody_thought_of_is_for_managers() -> None:
    assert scope_of_event("lw.something.new") == "manage"
    assert set(EVENTS) <= set(EVENT_TYPES)  # none of a name that is not used


def test_a_path_says_which_stream_it_is_about() -> None:
    assert stream_of_request("/v1/streams") is None
    assert stream_of_request("/v1/models") is None
    assert stream_of_request("/v1/streams/door") == "door"
    assert stream_of_request("/v1/streams/door/frames/1.jpg") == "door"
    assert stream_of_request("/v1/streams/do\nor/x\ny") == "do\nor"
