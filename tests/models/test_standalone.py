"""Questions that ask on, as questions of their own: over the question world and by hand."""

from __future__ import annotations

from random import Random

import pytest

from longwatch.models.base import Turn
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.follow_up import follows_up, known_things
from longwatch.models.standalone import Said, last_question, standalone
from longwatch.stream.sources.synthetic import SyntheticSource
from training.questions import Truth

WORDS = BundledTokenizer(FOLDER)
SEEN = ("When did you first see the owl?", "00:03")
FOUND = ("What came before the fox?", "owl")
NOW = ("What do you see?", "owl")
COLOUR = ("What colour is the background?", "red")
IS_NOW = "what colour is the background now"
AT = ("What was there at 0:05", "owl and fox")


@pytest.mark.parametrize(
    ("before", "text", "meant"),
    [
        (SEEN, "And the last time?", "when was the owl last seen"),
        (SEEN, "so where is it now?", "where is the owl now"),
        (SEEN, "How often?", "how often was the owl there"),
        (SEEN, "is that still there, please?", "is the owl still there"),
        (SEEN, "and the fox?", "when did you first see the fox?"),
        (SEEN, "and now?", "is the owl there now"),
        (SEEN, "what came after it?", "what came after the owl"),
        (FOUND, "And before that?", "what came before the owl"),
        (FOUND, "what was next?", "what came after the owl"),
        (FOUND, "What about an eagle", "what came before the eagle?"),
        (FOUND, "and now", "what do you see now"),
        (FOUND, "and where is the fox?", "where is the fox"),
        (FOUND, "and before the fox?", None),  # what of it?
        (FOUND, "and who was there at 0:12?", "who was there at 00:12"),
        (("What was there at 0:05", "owl"), "and at the moment?", "what do you see now"),
        (("What came after the owl?", "fox and eagle"), "where is it?", None),
        (("Was there an owl or a fox?", "yes"), "how often?", None),
        (("How many things did you see?", "two"), "and now?", "how many things did you see?"),
        (("What colour was the background at 0:05?", "red"), "and now?", IS_NOW),
        (NOW, "and at 0:12?", "what was there at 00:12"),
        (NOW, "since when", "when was the owl first seen"),
        (AT, "And at 0:12?", "what was there at 00:12"),
        (AT, "Where is it?", None),  # the owl or the fox?
        (AT, "and the dog?", None),
        (COLOUR, "and at 0:12", "what colour was the background at 00:12"),
        (("Describe the scene at 0:05", "owl left"), "and now", "describe the scene now"),
        (("Is there a dog?", "no"), "or an owl", "is there an owl?"),
        (("Is there an owl?", "no"), "or a dog", "is there a dog?"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_filled_in(
    before: tuple[str, str], text: str, meant: str | None
) -> None:
    said = Said(WORDS.canonical(before[0]), before[1])
    assert standalone(WORDS, said, text) == meant


def test_of_the_question_world_s_nearly_all_stand_alone_and_name_what_was_named() -> None:
    every = alone = 0
    for seed in range(40):
        truth = Truth(SyntheticSource(8000 + seed).world, range(16), groups=WORDS.groups)
        rng = Random(seed)
        for _ in range(6):
            asked = truth.ask("follow_up", 15, rng)
            if asked is None:
                continue
            (question, answer), every = asked.history[-1], every + 1
            found = standalone(WORDS, Said(WORDS.canonical(question), answer), asked.text)
            if found is None:
                continue
            alone += 1
            named = known_things(WORDS, f"{question}, {answer}, {asked.text}")
            assert {*known_things(WORDS, found)} <= {*named}
            assert WORDS.canonical(found) == found
    assert alone >= 0.9 * every > 0


def test_a_dialogue_is_followed_from_question_to_question() -> None:
    said = ["Was there an owl?", "yes", "When did you first see it?", "00:03", "And the fox?"]
    turns = [Turn("assistant" if k % 2 else "user", text) for k, text in enumerate(said)]
    assert last_question(WORDS, turns[:1]) == said[0]
    assert last_question(WORDS, turns[:3]) == "when did you first see the owl"
    assert last_question(WORDS, turns) == "when did you first see the fox"


def test_a_question_that_nothing_comes_before_cannot_stand_alone() -> None:
    assert follows_up(WORDS, "and before that?")
    assert last_question(WORDS, [Turn("user", "and before that?")]) is None
    assert last_question(WORDS, []) is None
