"""A stream's settings and its reading, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from longwatch.errors import ConfigError
from longwatch.memory import Full, Window
from longwatch.serve.observer import Observer
from longwatch.serve.stream import Stream, StreamSettings
from tests.serve import tiny


@pytest.fixture(scope="module")
def model() -> tiny.TinyVideoLM:
    return tiny.TinyVideoLM()


def make(model: tiny.TinyVideoLM, **settings: Any) -> Stream:
    return Stream("a", StreamSettings(**settings), model, Observer(), lambda: None)


def test_the_window_is_the_model_s_own_unless_named(model: tiny.TinyVideoLM) -> None:
    assert make(model).memory.policy == Window(model.window_tokens, sinks=1)
    assert make(model, window_tokens=64, sinks=2).memory.policy == Window(64, sinks=2)
    assert make(model, policy="full").memory.policy == Full()


def test_a_stream_opens_with_the_model_s_text(model: tiny.TinyVideoLM) -> None:
    stream = make(model)
    for i in range(3):
        list(stream.read(tiny.frame(i), chunk=4))
    segments = stream.memory.snapshot().segments
    assert [s.time for s in segments] == [None, 0.0, 0.5, 1.0]
    assert len(segments[0]) == len(model.prefix_ids())


def test_a_read_given_up_halfway_leaves_no_trace(model: tiny.TinyVideoLM) -> None:
    stream = make(model)
    list(stream.read(tiny.frame(0), chunk=64))
    before = stream.memory.snapshot()
    steps = stream.read(tiny.frame(1), chunk=1)
    for _ in range(3):
        next(steps)
    steps.close()
    assert stream.memory.snapshot() is before
    list(stream.read(tiny.frame(2), chunk=64))
    assert stream.memory.snapshot().times == [0.0, 1.0]


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": 0.0},
        {"fps": -1.0},
        {"queue": 0},
        {"queue": 65},
        {"compressor": "keepall"},
        {"policy": "windw"},
        {"window_tokens": 0},
        {"window_tokens": 5, "sinks": -1},
        {"sinks": -1},
        {"on_full": "drop_all"},
    ],
)
def test_settings_out_of_range_are_refused_when_they_are_made(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        StreamSettings(**settings)
