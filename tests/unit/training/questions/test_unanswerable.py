"""What no video tells is asked in many ways."""

from __future__ import annotations

from random import Random

import pytest

from longwatch.models.answer_words import CANNOT_TELL
from tests.support.watched import many
from training.questions.unanswerable import invented
from training.questions.wordings.grammar import say
from training.questions.wordings.unanswerable import UNANSWERABLE


@pytest.mark.parametrize("wordings", UNANSWERABLE)
def test_what_cannot_be_told_is_asked_in_many_ways(wordings: str) -> None:
    templates = UNANSWERABLE[wordings]
    assert len(templates) >= (150 if wordings == "train" else 12)
    rng = Random(1)
    texts = {say(one, rng, "emu") for one in templates for _ in range(50)}
    assert not any(set("<>()|") & set(text) for text in texts)


@pytest.mark.parametrize("wordings", UNANSWERABLE)
def test_the_answer_is_always_the_same_sentence(wordings: str) -> None:
    questions = many("unanswerable", wordings)
    assert {question.answers for question in questions} == {(CANNOT_TELL,)}
    assert len({question.text for question in questions}) > 500


def test_words_are_invented_without_end() -> None:
    rng = Random(1)
    words = {invented(rng) for _ in range(1000)}
    assert len(words) > 500
    assert all(word.isalpha() for word in words)
