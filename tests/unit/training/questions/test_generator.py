"""What is asked about is well mixed: there and gone, yes and no, things and groups."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from longwatch.stream.sources.world import World
from tests.support.watched import NAMES, many
from training.questions.generator import Question, choose, moment
from training.questions.ground_truth import Seen


@pytest.mark.parametrize("kind", ["is_there", "was_there"])
def test_yes_and_no_are_balanced(kind: str) -> None:
    answers = Counter(question.answers[0] for question in many(kind))
    assert 0.4 < answers["yes"] / answers.total() < 0.6


@pytest.mark.parametrize("kind", ["first", "last", "how_often"])
def test_some_are_about_things_that_never_came(kind: str) -> None:
    answers = Counter(question.answers[0] for question in many(kind))
    assert 0.15 < answers["never"] / answers.total() < 0.35


def test_what_is_asked_as_absent_has_often_been_there() -> None:
    rng, gone, missing = Random(1), 0, 0
    for seed in range(400):
        seen = Seen(World(seed, NAMES), range(30))
        word = choose("is_there", seen, 29, rng)
        there = [name for name, _ in seen.things(29)]
        if word is not None and word not in there:
            missing += 1
            gone += word in seen.names(29)
    assert missing > 100
    assert 0.4 < gone / missing < 0.9


def test_moments_that_show_nothing_are_rarer_than_in_the_stream() -> None:
    seen, rng = Seen(World(4, NAMES), range(500)), Random(1)
    empty = sum(not seen.things(frame) for frame in range(500)) / 500
    drawn = sum(not seen.things(moment(seen, 499, rng)) for _ in range(2000)) / 2000
    assert 0 < drawn < empty


def test_groups_are_asked_about() -> None:
    words = Counter(question.names[0] for question in many("first"))
    assert words["low"] > 20


def test_one_question_may_come_after_another() -> None:
    one = Question("now", "what is there", ("emu", "ibis"))
    other = Question("at", "and at 00:05", ("yak",), (("so", "none"),))
    assert one.then(other) == Question(
        "at", "and at 00:05", ("yak",), (("what is there", "emu"), ("so", "none"))
    )
