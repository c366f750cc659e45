"""Everyday words: what they become, and that nothing which the model was taught is touched."""

from __future__ import annotations

import json
from random import Random

import pytest

from longwatch.models.answer_words import article
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer, plain
from longwatch.models.sayings import WORD, phrases, turned
from training.questions.wordings.follow_ups import ELSE, IT, NOW, THEN
from training.questions.wordings.grammar import OPENINGS, TRAIN, say

WORDS = BundledTokenizer(FOLDER)
TABLE = json.loads((FOLDER / "sayings.json").read_text("utf-8"))
NAME, TIME = "owl", "00:12"
TAUGHT = {
    **TRAIN,
    **{f"it {kind}": said for kind, said in IT["train"].items()},
    "else": ELSE["train"],
    "then": THEN["train"],
    "now again": NOW["train"],
    "openings": OPENINGS["train"],
}


def taught(kind: str) -> set[str]:
    rng = Random(kind)
    return {say(template, rng, NAME, TIME) for template in TAUGHT[kind] for _ in range(60)}


KNOWN = {word for kind in TAUGHT for text in taught(kind) for word in WORD.findall(text)}


@pytest.mark.parametrize("kind", TAUGHT)
def test_what_training_says_stays_as_it_is(kind: str) -> None:
    for text in taught(kind):
        assert WORDS.canonical(text) == plain(text)


@pytest.mark.parametrize("said", TABLE)
def test_a_saying_becomes_words_of_the_training_and_those_stay(said: str) -> None:
    assert {*WORD.findall(said.lower())} <= KNOWN | {"thanks"}
    for other in TABLE[said]:
        assert WORDS.canonical(f"xx {other} xx") == f"xx {said} xx".replace("  ", " ")


def test_no_saying_stands_in_the_table_twice() -> None:
    assert len(phrases(TABLE)) == sum(map(len, TABLE.values()))


@pytest.mark.parametrize("name", sorted({*WORDS.names, *WORDS.groups}))
def test_a_name_is_no_saying(name: str) -> None:
    assert WORDS.canonical(f"did you spot {article(name)}") == f"did you see {article(name)}"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Have you noticed any owls yet?", "have you seen any owl yet?"),
        (
            "Hiya, could you let me know whether an owl's here",
            "hello, can you tell me if an owl's there",
        ),
        ("when exactly did the owl vanish?", "when was the owl last seen?"),
        ("Can you show me where the owl is?", "can you tell me where is the owl?"),
        ("what was there around 0:12?", "what was there at 00:12?"),
        ("what about 0:12?", "what about 00:12?"),
        ("What was on the footage at the 0:12 mark", "what was in the video at 00:12"),
        ("how many visits did the owl make so far", "how often did the owl appear so far"),
        ("until when was the owl in shot?", "when was the owl last seen?"),
        ("since when has an owl been here?", "when was an owl first seen?"),
        ("rewind to 0:12, what did you spot", "go back to 00:12, what did you see"),
        ("when the clock showed 0:12, what was there", "at 00:12, what was there"),
        ("is it an orange fruit?", "is it an orange fruit?"),
        ("which hue is the backdrop", "which colour is the background"),
        ("what preceded the traffic light?", "what preceded the traffic light?"),
        ("", ""),
    ],
)
def test_what_people_say_is_read_as_the_training_says_it(text: str, read: str) -> None:
    assert WORDS.canonical(text) == read


@pytest.mark.parametrize("text", ["where the owl", "when did it", "at", "  ", "where is the owl"])
def test_half_a_turn_is_left_alone(text: str) -> None:
    assert turned(text) == " ".join(text.split())
