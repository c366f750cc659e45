"""A stream's settings and its reading, without an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import ConfigError
from longwatch.memory import Full, Window
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import Stream
from tests.support import tiny

if TYPE_CHECKING:
    from longwatch.types import Frame


@pytest.fixture(scope="module")
def model() -> tiny.TinyVideoLM:
    return tiny.TinyVideoLM()


def make(model: tiny.TinyVideoLM, **settings: Any) -> Stream:
    return Stream("a", StreamSettings(**settings), model, EngineObserver(), lambda: None)


def test_the_window_is_the_model_s_own_unless_named(model: tiny.TinyVideoLM) -> None:
    assert make(model, policy="window").memory.policy == Window(model.window_tokens, sinks=1)
    assert make(model, policy="window", window_tokens=64, sinks=2).memory.policy == Window(64, 2)
    assert make(model, policy="full").memory.policy == Full()


def test_a_stream_opens_with_the_model_s_text(model: tiny.TinyVideoLM) -> None:
    stream = make(model)
    for i in range(3):
        list(tiny.read(model, stream, tiny.frame(i), chunk=4))
    segments = stream.memory.snapshot().segments
    assert [s.time for s in segments] == [None, 0.0, 0.5, 1.0]
    assert len(segments[0]) == len(model.prefix_ids())


def test_a_read_given_up_halfway_leaves_no_trace(model: tiny.TinyVideoLM) -> None:
    stream = make(model)
    list(tiny.read(model, stream, tiny.frame(0), chunk=64))
    before = stream.memory.snapshot()
    steps = tiny.read(model, stream, tiny.frame(1), chunk=1)
    for _ in range(3):
        next(steps)
    steps.close()
    assert stream.memory.snapshot() is before
    list(tiny.read(model, stream, tiny.frame(2), chunk=64))
    assert stream.memory.snapshot().times == [0.0, 1.0]


def still(index: int) -> Frame:
    """Return the same picture as ever, half a second after the one before."""
    return replace(tiny.frame(index), image=tiny.frame(0).image)


def test_a_frame_that_shows_nothing_new_never_reaches_the_model(model: tiny.TinyVideoLM) -> None:
    stream = make(model, gate=0.05, gate_seconds=2.0)
    for i in range(9):
        list(tiny.read(model, stream, still(i), chunk=64))
    assert stream.memory.snapshot().times == [0.0, 2.0, 4.0]
    stats = stream.stats()
    assert (stats.frames_read, stats.sparing.frames_gated, stats.frames_late) == (3, 6, 0)


def test_an_answer_says_how_far_it_saw_and_the_statistics_how_far_that_holds(
    model: tiny.TinyVideoLM,
) -> None:
    """The last frame read stands for the gap; its time, not the gap's, is that of the answer."""
    stream = make(model, gate=0.05, gate_seconds=60.0)
    for i in range(5):
        list(tiny.read(model, stream, still(i), chunk=64))
    assert stream.snapshot().as_of == 0.0
    assert stream.snapshot(as_of=1.7).as_of == 0.0
    assert stream.stats().sparing.until == 2.0
    list(tiny.read(model, stream, tiny.frame(7), chunk=64))
    assert stream.snapshot().as_of == stream.stats().sparing.until == 3.5


def test_a_token_rate_bounds_what_the_memory_takes_in(model: tiny.TinyVideoLM) -> None:
    stream = make(model, compressor="uniform", token_rate=4.0, policy="full")
    for i in range(40):
        list(tiny.read(model, stream, tiny.frame(i), chunk=64))
    frames = stream.memory.snapshot().segments[1:]
    text = sum(len(ids) for ids in model.frame_ids(0.0))
    assert len(frames) == 40
    rate, bucket = 4 * 4.0, 16.0  # over the first four seconds
    assert sum(len(s) - text for s in frames[:9]) <= rate + bucket


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": 0.0},
        {"fps": -1.0},
        {"queue": 0},
        {"queue": 65},
        {"compressor": "keepall"},
        {"compressor": "keep_all", "keep": 0.5},
        {"compressor": "keep_all", "token_rate": 10.0},
        {"compressor": "dtd", "token_rate": 1.0},
        {"gate": 1.5},
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


def test_a_pruner_leaves_fewer_tokens_of_each_frame(model: tiny.TinyVideoLM) -> None:
    sizes = []
    for settings in ({}, {"pruner": "fastv", "prune_keep": 0.5}):
        stream = make(model, compressor="keep_all", policy="full", **settings)
        for i in range(3):
            list(tiny.read(model, stream, tiny.frame(i), chunk=2))
        sizes.append([len(s) for s in stream.memory.snapshot().segments if s.time is not None])
    whole, left = sizes
    assert all(0 < few < many for few, many in zip(left, whole, strict=True))


def test_a_pruner_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="pruner"):
        StreamSettings(pruner="slowv")
    with pytest.raises(ConfigError, match="keep"):
        StreamSettings(pruner="fastv", prune_keep=2.0)
