"""What is asked for a field."""

from __future__ import annotations

import pytest

from longwatch.models.field_questions import Kind, question_of


@pytest.mark.parametrize(
    ("path", "kind", "asked", "question"),
    [
        (("cat",), "flag", "", "Is there a cat?"),
        (("has_umbrella",), "flag", "", "Is there an umbrella?"),
        (("dogPresent",), "flag", "", "Is there a dog?"),
        (("was_there_a_dog",), "flag", "", "Was there a dog?"),
        (("is_the_door_open",), "flag", "", "Is the door open?"),
        (("cat",), "flag", "What was there at 0:42?", "Was there a cat at 0:42?"),
        (("number_of_cars",), "count", "", "How many cars are there?"),
        (("count",), "count", "", "How many things are there?"),
        (("cars",), "count", "at 1:02:03", "How many cars were there at 1:02:03?"),
        (("things",), "list", "", "What things do you see?"),
        (("background_colour",), "choice", "", "What is the background colour?"),
        (("car", "colour"), "words", "", "What is the colour of the car?"),
        ((), "words", "", "What is the answer?"),
    ],
)
def test_a_name_becomes_a_question(
    path: tuple[str, ...], kind: Kind, asked: str, question: str
) -> None:
    assert question_of(path, kind, None, asked) == question


@pytest.mark.parametrize("text", ["Where is the cat?", "Where is the cat", " Where is the cat. "])
def test_a_description_is_the_question(text: str) -> None:
    assert question_of(("x",), "words", text, "what do you see at 0:05?") == "Where is the cat?"
    assert question_of(("x",), "words", "  ", "") == "What is the x?"
