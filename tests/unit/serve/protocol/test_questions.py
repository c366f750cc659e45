"""Which stream is asked, and what is put to the model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import InputError, NotFoundError
from longwatch.models.base import Turn
from longwatch.serve.answers.time_expressions import TimeRange
from longwatch.serve.engine.engine import Engine
from longwatch.serve.protocol.questions import (
    Range,
    choose_stream,
    fit_dialogue,
    parse_as_of,
    parse_deadline,
    parse_range,
)
from longwatch.wire import microseconds
from tests.support.tiny import TinyVideoLM

turns = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=9)))


@given(turns, st.text(min_size=1, max_size=9).filter(str.strip), st.none() | st.text(max_size=9))
def test_the_newest_turns_that_fit_are_put_whole(
    past: list[Turn], question: str, instructions: str | None
) -> None:
    asked = [*past, Turn("user", question)]
    limit = 30
    made = fit_dialogue(asked, instructions, limit)
    head = [Turn("system", instructions)] if instructions else []
    kept = list(made[len(head) :])
    assert list(made[: len(head)]) == head
    assert kept == asked[len(asked) - len(kept) :]
    room = limit - sum(len(turn.text) for turn in made)
    assert room >= 0
    if len(kept) < len(asked):
        assert len(asked[-len(kept) - 1].text) > room


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([], "no_question"),
        ([Turn("assistant", "x")], "no_question"),
        ([Turn("user", " \n")], "no_question"),
        ([Turn("user", "x" * 31)], "context_overflow"),
    ],
)
def test_what_is_no_question_is_refused(asked: list[Turn], code: str) -> None:
    with pytest.raises(InputError) as told:
        fit_dialogue(asked, None, 30)
    assert told.value.code == code


def test_a_stream_need_not_be_named_where_there_is_no_choice() -> None:
    engine = Engine(TinyVideoLM())
    with pytest.raises(NotFoundError):
        choose_stream(engine, None)
    engine.open_stream("a")
    assert choose_stream(engine, None) == "a"
    engine.open_stream("b")
    with pytest.raises(InputError, match="a, b"):
        choose_stream(engine, None)
    assert choose_stream(engine, None, own=["b", "gone"]) == "b"
    assert choose_stream(engine, ["a"], own=["b"]) == "a"
    with pytest.raises(InputError):
        choose_stream(engine, ["a", "b"])
    with pytest.raises(NotFoundError):
        choose_stream(engine, ["c"])


@given(st.floats(0, 1e9))
def test_a_frame_belongs_to_its_own_time_as_it_stands_on_the_wire(time: float) -> None:
    seconds = parse_as_of(microseconds(time))
    assert seconds is not None
    assert time <= seconds <= time + 1e-5 * max(1, time * 1e-9)
    assert parse_as_of("now") is None
    asked = parse_range(
        Range.model_validate({"from": microseconds(time), "to": microseconds(time)})
    )
    assert isinstance(asked, TimeRange)
    assert asked.since <= time <= asked.until


def test_patience_is_told_in_milliseconds_and_may_be_endless() -> None:
    assert parse_deadline(None) is None
    assert parse_deadline(1500) == 1.5


def test_a_range_with_an_open_end_goes_on_for_ever() -> None:
    assert parse_range(Range.model_validate({"from": 5_000_000})) == TimeRange(
        4.99999925, float("inf")
    )
    assert parse_range(Range.model_validate({"to": 5_000_000})) == TimeRange(0.0, 5.00000075)
    assert (parse_range("auto"), parse_range(None)) == ("auto", None)
    with pytest.raises(ValueError, match="swap"):
        Range.model_validate({"from": 2, "to": 1})
