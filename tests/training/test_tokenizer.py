"""The tokenizer's builder: it makes what is shipped, with ids where the rest wants them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from training import tokenizer
from training.groups import groups
from training.names import RENAMED, columns
from training.words import WORDS, wordings

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("tokenizer.json", "names.json", "groups.json", "aliases.json")
IMAGENET = json.loads(tokenizer.SOURCE.read_text("utf-8"))["classes"]
LIMIT = 3200  # ids: the embedding is half of the language model


def test_what_is_shipped_is_what_the_script_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["training.tokenizer", "--folder", str(tmp_path)])
    tokenizer.main()
    for file in FILES:
        assert json.loads((tmp_path / file).read_text()) == json.loads((FOLDER / file).read_text())


def test_there_are_few_ids_and_all_of_them_are_used() -> None:
    words = BundledTokenizer(FOLDER)
    assert len(words) <= LIMIT
    vocabulary = json.loads((FOLDER / "tokenizer.json").read_text())["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(len(words)))


def test_classes_keep_their_column_and_have_a_name_each() -> None:
    names = columns(IMAGENET)
    assert len({*names[:1000]}) == 1000
    assert all(names[i] == IMAGENET[i] for i in range(1000) if i not in RENAMED)
    both = {"camera", "coffee", "house", "newspaper", "plate", "watch"}  # said of other things too
    assert {*names} & {*WORDS} <= both


def test_a_word_of_a_group_takes_in_the_pictogram_of_its_name() -> None:
    names = columns(IMAGENET)
    table = groups(names, names[1000:])
    assert {"dog", "beagle"} <= {*table["dog"]}
    assert "bus" in table["bus"]
    assert {"beagle", "ladybug", "dolphin"} <= {*table["animal"]}


def test_the_texts_hold_no_gap() -> None:
    assert not [text for text in wordings() if {"<x>", "<a>", "<t>"} & {*text.split()}]


@pytest.mark.parametrize("phrases", [["a"], ["a b", "a b c", "a"], ["go-kart", "go"]])
def test_names_are_one_token_where_one_begins_like_another(phrases: list[str]) -> None:
    made = tokenizer.build(phrases, ["x"], ["x y"])
    for i, phrase in enumerate(phrases):
        assert made.encode(phrase).ids == [i]
        assert made.encode(f"{phrase} x").ids == [i, made.token_to_id("\u0120x")]
