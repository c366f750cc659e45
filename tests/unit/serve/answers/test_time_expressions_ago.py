"""What was "... ago" is asked for by its time on the stream."""

from __future__ import annotations

import pytest
import torch

from longwatch.memory import Full
from longwatch.models.base import Turn
from longwatch.serve.answers.plan import plan_answer
from longwatch.serve.answers.time_expressions import replace_ago, resolve_relative_times
from longwatch.serve.answers.types import Question
from tests.support import tiny

NOW = 600.4

MEANT = {
    "What did you see 5 seconds ago?": "What did you see at 9:55?",
    "what was there a minute ago": "what was there at 9:00",
    "Five Minutes Ago, was there a dog?": "at 5:00, was there a dog?",
    "what was there about half a minute ago": "what was there at 9:30",
    "what was there around 2 min ago?": "what was there at 8:00?",
    "what happened since two minutes ago": "what happened since 8:00",
    "what came between 3 minutes ago and 1 minute ago?": "what came between 7:00 and 9:00?",
    "what did I show you just twenty-five seconds ago?": "what did I show you at 9:35?",
    "describe 1 minute 30 seconds ago": "describe at 8:30",
    "what was there 600 seconds ago": "what was there at 0:00",
}
STAY = [
    "what was there an hour ago",
    "was there a dog more than a minute ago?",
    "was there a dog less than 5 minutes ago?",
    "what was there long ago",
    "what did you see at 0:12?",
    "what was there in the last 5 seconds",
    "how many Chicagoans",
]


@pytest.mark.parametrize("text", MEANT)
def test_a_moment_ago_is_told_as_the_stream_s_time(text: str) -> None:
    assert replace_ago(text, NOW) == MEANT[text]


@pytest.mark.parametrize("text", STAY)
def test_what_names_no_moment_of_the_stream_stays(text: str) -> None:
    assert replace_ago(text, NOW) == text


def test_hours_are_told_where_there_are_some() -> None:
    assert replace_ago("what was there ten seconds ago", 7300) == "what was there at 2:01:30"


def test_only_the_question_itself_is_about_now() -> None:
    turns = [Turn("user", "and 5 s ago?"), Turn("assistant", "5 s ago?"), Turn("user", "5 s ago?")]
    assert resolve_relative_times(turns, 12.0) == [*turns[:2], Turn("user", "at 0:07?")]
    assert resolve_relative_times(turns, None) == turns
    assert resolve_relative_times([], 12.0) == []


@torch.inference_mode()
def test_the_model_is_asked_by_the_newest_frame_that_the_answer_sees() -> None:
    model = tiny.TinyVideoLM()
    snapshot = tiny.remember(model, Full(), [float(t) for t in range(10)]).until(7.0)
    question = Question((Turn("user", "what was there 3 seconds ago?"),))
    (part,) = plan_answer(model, question, snapshot, None, lambda: None, {}).parts
    assert part.reader.ids == model.prompt_ids([Turn("user", "what was there at 0:04?")])
    assert part.reader.limits.span is not None
    assert part.reader.limits.span.near == 4.0
