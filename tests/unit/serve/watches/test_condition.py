"""Laws of the questions that conditions become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.watches.condition import ConditionQuestion, to_question

SAME = (
    "a dog appears",
    "tell me when you see a dog",
    "Please let me know when a dog comes into view.",
    "when a dog shows up",
    "watch for a dog",
    "alert me if there is a dog!",
    "a dog enters the picture",
    "notify me as soon as the camera sees a dog",
    "a dog",
)


@pytest.mark.parametrize("condition", SAME)
def test_ways_to_say_that_a_thing_appears_become_one_question(condition: str) -> None:
    assert to_question(condition) == ConditionQuestion("do you see a dog?")


@pytest.mark.parametrize(
    ("condition", "question"),
    [
        ("fire truck", "do you see any fire truck?"),
        ("the dog", "do you see the dog?"),
        ("two dogs appear", "do you see two dogs?"),
        ("the light is red", "is the light red?"),
        ("tell me when the doors are open", "are the doors open?"),
        ("do you see an owl", "do you see an owl?"),
        ("a dog or a cat appears", "do you see a dog or a cat?"),
        ("is there a dog?", "is there a dog?"),
        ("is there a dog", "is there a dog?"),
    ],
)
def test_things_and_states_become_questions_about_now(condition: str, question: str) -> None:
    assert to_question(condition) == ConditionQuestion(question)


@pytest.mark.parametrize("condition", ["no dog", "there is no dog", "when you see no dog"])
def test_an_absence_holds_where_the_answer_is_no(condition: str) -> None:
    assert to_question(condition) == ConditionQuestion("do you see any dog?", negated=True)


def test_leaving_is_an_absence_after_a_presence() -> None:
    assert to_question("the dog leaves") == ConditionQuestion(
        "do you see the dog?", negated=True, change=True
    )
    assert to_question("tell me if the cat is gone") == ConditionQuestion(
        "do you see the cat?", negated=True
    )


def test_what_the_grammar_does_not_know_is_put_as_it_stands() -> None:
    told = to_question("tell me when someone puts a cup on the table")
    assert told == ConditionQuestion("is this true now: someone puts a cup on the table?")


@given(st.text(min_size=1, max_size=80))
def test_any_condition_becomes_a_question(condition: str) -> None:
    assert to_question(condition).question.endswith("?")
