"""What is kept for tests is nowhere in training, and no wording asks two things."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.support.phrases import bare, jumbled, texts, words
from training.questions.wordings.follow_ups import ELSE, IT, NOW, THEN
from training.questions.wordings.grammar import TRAIN
from training.questions.wordings.held_out import HELD_OUT
from training.questions.wordings.unanswerable import UNANSWERABLE

LATER = {"else": ELSE, "then": THEN, "present": NOW}
ALONE = {
    wordings: {kind: texts(table[kind]) for kind in table}
    | {"unanswerable": texts(UNANSWERABLE[wordings])}
    for wordings, table in (("train", TRAIN), ("test", HELD_OUT))
}
FOLLOWING = {
    wordings: {kind: texts(IT[wordings][kind]) for kind in IT[wordings]}
    | {kind: texts(table[wordings]) for kind, table in LATER.items()}
    for wordings in ("train", "test")
}


@pytest.mark.parametrize("tables", [ALONE, FOLLOWING], ids=["alone", "following"])
def test_no_held_out_text_is_trained_however_it_is_dressed_or_ordered(
    tables: dict[str, dict[str, set[str]]],
) -> None:
    assert tables["train"].keys() == tables["test"].keys()
    trained, held = (set().union(*tables[wordings].values()) for wordings in ("train", "test"))
    assert not {bare(text) for text in held} & {bare(text) for text in trained}
    assert not {jumbled(text) for text in held} & {jumbled(text) for text in trained}


@pytest.mark.parametrize("tables", [ALONE, FOLLOWING], ids=["alone", "following"])
def test_no_trained_text_asks_for_two_kinds(tables: dict[str, dict[str, set[str]]]) -> None:
    plain = {kind: {words(text) for text in found} for kind, found in tables["train"].items()}
    for one, other in combinations(plain, 2):
        assert not plain[one] & plain[other], (one, other)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("please tell me what's on the screen just now", "what is on screen"),
        ("i would like to know what colour the background is", "what colour background is"),
        ("and the emu, now", "emu"),
        ("at 00:05: anything there", "at 00:05 anything there"),
    ],
)
def test_a_bare_text_says_what_is_asked(text: str, meant: str) -> None:
    assert bare(text) == meant
    assert jumbled(f"b {text}") == jumbled(f"{text} b")
