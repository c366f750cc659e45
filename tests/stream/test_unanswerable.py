"""What no video tells is asked in many ways."""

from __future__ import annotations

from random import Random

import pytest

from longwatch.stream.answers import CANNOT_TELL
from longwatch.stream.unanswerable import TEMPLATES, invented
from longwatch.stream.wordings import say
from tests.stream.watched import many


@pytest.mark.parametrize("wordings", TEMPLATES)
def test_what_cannot_be_told_is_asked_in_many_ways(wordings: str) -> None:
    templates = TEMPLATES[wordings]
    assert len(templates) >= (60 if wordings == "train" else 12)
    rng = Random(1)
    texts = {say(one, rng, "emu") for one in templates for _ in range(50)}
    assert not any(set("<>()|") & set(text) for text in texts)


@pytest.mark.parametrize("wordings", TEMPLATES)
def test_the_answer_is_always_the_same_sentence(wordings: str) -> None:
    questions = many("unanswerable", wordings)
    assert {question.answers for question in questions} == {(CANNOT_TELL,)}
    assert len({question.text for question in questions}) > 500


def test_wordings_for_tests_are_kept_from_training() -> None:
    assert not set(TEMPLATES["train"]) & set(TEMPLATES["test"])


def test_words_are_invented_without_end() -> None:
    rng = Random(1)
    words = {invented(rng) for _ in range(1000)}
    assert len(words) > 500
    assert all(word.isalpha() for word in words)
