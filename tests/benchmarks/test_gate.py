"""What the gate's benchmark counts."""

from __future__ import annotations

import pytest

from benchmarks import gate
from benchmarks.gate import Asked, Tried
from tests.benchmarks.watched import model, stream

YES, NO = True, False


def asked(number: int, *, said: bool, sure: float, right: tuple[bool, bool, bool]) -> Asked:
    window, recall, ranged = right
    tried = Tried(window, sure, 1.0), Tried(recall, 0.5, 3.0), Tried(ranged, 0.5, 2.0)
    return Asked(64, number, "at", said, *tried)


ANSWERED = [
    asked(0, said=False, sure=0.1, right=(YES, YES, YES)),
    asked(0, said=False, sure=0.9, right=(NO, YES, YES)),
    asked(1, said=False, sure=0.1, right=(NO, YES, YES)),
    asked(1, said=True, sure=0.1, right=(NO, NO, YES)),
]


def test_a_question_that_the_model_is_sure_of_and_that_says_no_time_recalls_nothing() -> None:
    found = gate.row(ANSWERED, 0.3)
    assert found["skips_recall"] == 0.5
    assert found["accuracy"] == 0.75
    assert found["accuracy_always"] == 1.0
    assert (found["of_skipped"], found["of_skipped_with_recall"]) == (0.5, 1.0)
    assert found["ttft_ratio"] == pytest.approx((1 + (1 + 3) + 1 + 2) / 8)


def test_lengths_and_questions_that_say_a_time_are_told_apart() -> None:
    with_time, without = gate.by_length(ANSWERED)
    assert (with_time["questions"], without["questions"]) == (1, 3)
    assert (with_time["recall"], with_time["recall_in_range"]) == (0, 1)
    assert without["window"] == pytest.approx(1 / 3)


def test_within_the_window_all_ways_to_answer_are_one() -> None:
    for one in gate.answers(model(), stream(12)):
        assert one.window[:2] == one.recall[:2]
        assert one.ranged.right == one.recall.right
