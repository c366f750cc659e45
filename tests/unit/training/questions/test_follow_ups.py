"""Follow-ups are understood from what was said before, and only from that."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from longwatch.stream.sources.world import World
from tests.support.watched import NAMES, many
from training.questions import Truth
from training.questions.follow_ups import MOST_WORDS, follow_up


@pytest.mark.parametrize("wordings", ["train", "test"])
def test_follow_ups_lean_on_what_was_said(wordings: str) -> None:
    questions = many("follow_up", wordings)
    lengths = Counter(len(question.history) for question in questions)
    assert set(lengths) == {1, 2}
    assert lengths[1] > lengths[2] > 100
    assert all(text and answer for q in questions for text, answer in q.history)


@pytest.mark.parametrize("wordings", ["train", "test"])
def test_a_dialogue_of_three_questions_is_short(wordings: str) -> None:
    for question in many("follow_up", wordings):
        if len(question.history) > 1:
            said = [*sum(question.history, ()), question.text, question.answers[0]]
            assert sum(len(text.split()) for text in said) <= MOST_WORDS


def test_what_came_before_that_is_told_from_the_answer_before() -> None:
    chains = 0
    for seed in range(3000):
        truth = Truth(World(seed % 50, NAMES), range(60))
        question = follow_up("follow_up", truth, 59, Random(seed), "train")
        if question is None or not re.search("before (that|it)", question.text.lower()):
            continue
        answer = question.history[-1][1]
        entry = max(run.first for run in truth.runs(59) if run.name == answer)
        sooner = [run for run in truth.runs(59) if run.first < entry]
        assert question.answers[0] == (sooner[-1].name if sooner else "nothing")
        chains += 1
    assert chains > 20
