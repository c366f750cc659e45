"""There are many ways to ask each thing, and tests ask in ways of their own."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.phrases import texts
from training.questions.wordings.events import EVENTS
from training.questions.wordings.grammar import TRAIN, WORDINGS, finish, say, spoken, wording
from training.questions.wordings.held_out import HELD_OUT
from training.questions.wordings.present import PRESENT
from training.questions.wordings.times import TIMES

TIMED = {"at", "background_at", "describe_at"}
PLAIN = {"beginning", "now", "how_many", "background", "describe"}


def sayings(kind: str, wordings: str) -> set[str]:
    return texts(WORDINGS[wordings][kind])


@pytest.mark.parametrize("kind", TRAIN)
def test_each_kind_has_many_wordings_and_others_for_tests(kind: str) -> None:
    train, test = sayings(kind, "train"), sayings(kind, "test")
    timed_too = kind.endswith("_at")  # these are asked as the kind without it, too
    assert len(train) >= (70 if timed_too else 160)
    assert len(test) >= (3 if timed_too else 6)


@pytest.mark.parametrize("kind", TRAIN)
@pytest.mark.parametrize("wordings", WORDINGS)
def test_a_wording_holds_what_it_asks_about(kind: str, wordings: str) -> None:
    for text in sayings(kind, wordings):
        assert not set("<>()|") & set(text)
        assert text == text.strip()
        assert "  " not in text
        assert ("00:05" in text) == (kind in TIMED)
        assert ("emu" in text) == (kind not in TIMED | PLAIN)


def test_kinds_are_the_same_in_training_and_tests_and_each_has_one_file() -> None:
    assert TRAIN.keys() == HELD_OUT.keys()
    assert len(TRAIN) == len(PRESENT) + len(TIMES) + len(EVENTS)


@pytest.mark.parametrize("kind", TRAIN)
def test_what_is_drawn_is_what_the_grammar_says(kind: str) -> None:
    rng = Random(kind)
    for template in TRAIN[kind]:
        assert {say(template, rng, "emu", "00:05") for _ in range(600)} == texts([template])


def test_a_name_gets_its_article() -> None:
    rng = Random(1)
    assert say("is there <a>", rng, "emu") == "is there an emu"
    assert say("is there <a>", rng, "Great Dane") == "is there a Great Dane"
    assert {say("(a|b|)c", rng) for _ in range(100)} == {"ac", "bc", "c"}


def test_times_are_written_as_users_do() -> None:
    rng = Random(1)
    early = {spoken(5.5, rng) for _ in range(200)}
    assert early == {"00:05", "0:05", "0:00:05", "second 5"}
    assert "minute 2 second 5" in {spoken(125, rng) for _ in range(200)}
    assert {spoken(3725, rng) for _ in range(200)} == {"1h02:05", "1:02:05", "01:02:05"}


def test_questions_vary_in_case_and_marks() -> None:
    rng = Random(1)
    texts = {finish("is it", rng, "train") for _ in range(500)}
    assert {"Is it?", "is it", "IS IT?", "Hey, is it?"} <= texts


def test_a_wording_is_drawn_by_its_generator_alone() -> None:
    texts = [[wording("first", Random(k), "train", "emu") for k in range(50)] for _ in range(2)]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 30
