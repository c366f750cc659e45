"""What was said about a stream that is in RAM alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.durable.catalogue import Alert
from longwatch.models.base import Turn
from longwatch.serve.answers.types import AnswerEvent, Delta, Done, Question, Status, Timing, Usage
from longwatch.serve.streams.dialogue_log import ALERTS, CHARS, MOST, DialogueLog


def done(status: Status, text: str, as_of: float) -> Done:
    return Done(status, None, text, as_of, Usage(0, 0, 0), Timing(None, None, None, 0.0))


@given(count=st.integers(0, 700), long=st.integers(1, 3000))
@settings(max_examples=20, deadline=None)
def test_it_holds_the_newest_answers_and_not_one_word_too_many(count: int, long: int) -> None:
    diary, heard = DialogueLog(), list[AnswerEvent]()
    for i in range(count):
        note = diary.recording(Question((Turn("user", f"{i} " + "a" * long),)), heard.append)
        note(Delta("x"))
        note(done("completed", "b" * long, float(i)))
    told = diary.all()
    assert [each.as_of for each in told] == [float(i) for i in range(max(0, count - MOST), count)]
    assert all(len(each.question) <= CHARS and len(each.answer) <= CHARS for each in told)
    assert len(heard) == 2 * count


def test_what_came_to_no_answer_is_not_noted() -> None:
    diary = DialogueLog()
    for status in ("cancelled", "failed"):
        diary.recording(Question((Turn("user", "?"),)), lambda _: None)(done(status, "", 0.0))
    assert diary.all() == []


def test_the_newest_alerts_are_held() -> None:
    diary = DialogueLog()
    for i in range(ALERTS + 5):
        diary.log_alert(Alert(float(i), "watch", "a dog"))
    assert [alert.time for alert in diary.alerts()] == [float(i) for i in range(5, ALERTS + 5)]
