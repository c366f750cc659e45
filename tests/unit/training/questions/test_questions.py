"""Questions are of the kind asked for, varied, balanced, and their answers are well formed."""

from __future__ import annotations

import re
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.models.answer_words import CANNOT_TELL, COUNTS, PLACES
from longwatch.stream.sources.world import COLOURS, World
from tests.support.watched import GROUPS, NAMES, many, truths
from training.questions import KINDS, Truth

WORDS = rf"(nothing|thing \d+( and thing \d+)*|{CANNOT_TELL})"
PLACE = "|".join(word for row in PLACES for word in row)
FORMS = {
    "now": WORDS,
    "at": WORDS,
    "first": r"never|(\d+h)?\d\d:\d\d",
    "last": r"never|(\d+h)?\d\d:\d\d",
    "was_there": "yes|no",
    "is_there": "yes|no",
    "where": f"{PLACE}|{CANNOT_TELL}",
    "how_many": "|".join((*COUNTS, "more than ten")),
    "how_often": f"never|once|twice|({'|'.join((*COUNTS[3:], 'more than ten'))}) times",
    "after": WORDS,
    "before": WORDS,
    "background": "|".join(COLOURS),
    "describe": rf"(nothing|.*\d+ ({PLACE})), ({'|'.join(COLOURS)}) background",
    "follow_up": ".+",
    "unanswerable": CANNOT_TELL,
    "beginning": WORDS,
}


@settings(max_examples=100, deadline=None)
@given(truths(), st.sampled_from(KINDS), st.integers(), st.sampled_from(["train", "test"]))
def test_an_answer_has_the_form_of_its_kind(
    drawn: tuple[Truth, int], kind: str, seed: int, wordings: str
) -> None:
    truth, now = drawn
    question = truth.ask(kind, now, Random(seed), wordings)
    if question is None:
        return
    assert question.kind == kind
    assert question.text
    assert all(re.fullmatch(FORMS[kind], answer) for answer in question.answers)
    assert len(set(question.answers)) == len(question.answers)
    assert all(0 <= frame <= now for frame in question.frames)
    assert bool(question.history) == (kind == "follow_up")
    assert question == truth.ask(kind, now, Random(seed), wordings)


@settings(max_examples=50, deadline=None)
@given(truths(), st.sampled_from(KINDS), st.integers())
def test_what_comes_later_changes_no_answer(drawn: tuple[Truth, int], kind: str, seed: int) -> None:
    truth, now = drawn
    shorter = Truth(truth.world, truth.times[: now + 1], groups=truth.groups)
    assert shorter.ask(kind, now, Random(seed)) == truth.ask(kind, now, Random(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_most_draws_give_a_question_and_few_are_the_same(kind: str) -> None:
    questions = many(kind)
    assert len(questions) > 900
    assert len({question.text for question in questions}) > (100 if kind != "unanswerable" else 500)


def test_questions_are_quick() -> None:
    truth, rng = Truth(World(1, NAMES), range(256), groups=GROUPS), Random(1)
    start = process_time()
    for kind in KINDS:
        for now in range(256):
            truth.ask(kind, now, rng)
    assert (process_time() - start) / (256 * len(KINDS)) < 1e-3  # seconds


@pytest.mark.parametrize(("kind", "now"), [("smell", 0), ("now", -1), ("now", 3)])
def test_what_is_no_question_is_refused(kind: str, now: int) -> None:
    truth = Truth(World(1, NAMES), [0.0, 1.0, 2.0])
    with pytest.raises(ConfigError):
        truth.ask(kind, now, Random(1))
    with pytest.raises(ConfigError, match="wordings"):
        truth.ask("now", 0, Random(1), "dev")
