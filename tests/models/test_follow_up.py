"""Which questions ask on, over the question world and by hand."""

from __future__ import annotations

from random import Random

import pytest

from longwatch.models.base import Turn
from longwatch.models.bundled_chat import dialogue_ids
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.follow_up import follows_up
from longwatch.stream.sources.synthetic import SyntheticSource
from training.questions import KINDS, Truth

WORDS = BundledTokenizer(FOLDER)
BEFORE = [Turn("user", "What do you see?"), Turn("assistant", "espresso")]


def test_of_the_question_world_s_nearly_all_are_told_apart() -> None:
    """Questions that the video cannot answer aside: it does not matter with what they are put."""
    asked: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(60):
        truth = Truth(SyntheticSource(7000 + seed).world, range(16), groups=WORDS.groups)
        rng = Random(seed)
        for kind in KINDS:
            question = truth.ask(kind, 15, rng)
            if question is not None and kind != "unanswerable":
                asked[bool(question.history)].append(follows_up(WORDS, question.text))
    assert sum(asked[True]) >= 0.9 * len(asked[True]) > 0
    assert sum(asked[False]) <= 0.02 * len(asked[False])


@pytest.mark.parametrize(
    "text",
    [
        *("And before that?", "Where is it now?", "how often?", "what about the cat"),
        *(
            "OK, and at 00:10?",
            "and the final time?",
            "so when did you spot it first",
            "how frequently",
        ),
    ],
)
def test_what_asks_on_is_known(text: str) -> None:
    assert follows_up(WORDS, text)


@pytest.mark.parametrize(
    "text",
    ["Was there an egyptian cat?", "What do you see now?", "where is the espresso?", "Hello", ""],
)
def test_what_says_all_by_itself_is_put_alone(text: str) -> None:
    alone = dialogue_ids(WORDS, [Turn("user", text)])
    assert dialogue_ids(WORDS, [*BEFORE, Turn("user", text)]) == alone
