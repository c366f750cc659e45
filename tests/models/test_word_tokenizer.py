"""Laws of the bundled model's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from longwatch.models.bundled_model import FOLDER
from longwatch.models.text import TextStream
from longwatch.models.word_tokenizer import WordTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY: list[str] = json.loads((FOLDER / "vocabulary.json").read_text())
SYNONYMS: dict[str, str] = json.loads((FOLDER / "synonyms.json").read_text())
WORDS = WordTokenizer(VOCABULARY, SYNONYMS)
IDS = st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=8)
SILENT = {"<pad>", "<eos>", "<frame>", "<user>", "<bot>", "<unk>"}


def tokens(text: str) -> list[str]:
    return [VOCABULARY[i] for i in WORDS.encode(text)]


def test_every_token_that_is_read_as_text_reads_back_as_itself() -> None:
    halves = {t for t in VOCABULARY if len(t) == 3 and t[0] in "ms" and t[1:].isdecimal()}
    for i, token in enumerate(VOCABULARY):
        if token not in SILENT | halves:
            assert tokens(WORDS.decode([i])) == [token]


@given(st.integers(0, 59), st.integers(0, 59))
def test_a_time_is_a_minute_and_a_second(minute: int, second: int) -> None:
    wanted = [f"m{minute:02}", f"s{second:02}"]
    assert tokens(f"{minute}:{second:02}") == wanted
    assert tokens(f"7:{minute:02}:{second:02}") == wanted
    assert WORDS.decode([WORDS.ids[t] for t in wanted]) == f"{minute}:{second:02}"


@given(IDS)
def test_what_was_shown_stays_as_it_is(ids: list[int]) -> None:
    whole = WORDS.decode(ids)
    assert all(whole.startswith(WORDS.decode(ids[:k])) for k in range(len(ids)))


@given(IDS)
@example([0, WORDS.ids["<eos>"], 0])
def test_streamed_text_is_the_decoded_text(ids: list[int]) -> None:
    text = TextStream(WORDS)
    pieces = [text.push(i) for i in ids]
    assert "".join([*pieces, text.finish()]) == WORDS.decode(ids)


@given(st.text(max_size=40))
def test_any_text_is_read_and_never_makes_a_token_of_control(text: str) -> None:
    assert not {"<pad>", "<eos>", "<frame>", "<user>", "<bot>"} & set(tokens(text))


@given(st.sampled_from(VOCABULARY[:1000]), st.sampled_from([str.upper, str.title, str.lower]))
def test_upper_and_lower_case_are_the_same(name: str, case: Callable[[str], str]) -> None:
    assert tokens(f"Is there a {case(name)}?") == ["is", "there", "a", name, "?"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Was there an Egyptian cat?", "was|there|a|egyptian cat|?"),
        ("where's the espresso", "where|is|the|espresso"),
        ("a carpenter's kit and a jack-o'-lantern!", "a|carpenter's kit|and|a|jack-o'-lantern"),
        ("I can't tell.", "i|can't|tell|."),
        ("cups, daisies, volleyballs", "cup|,|daisy|,|volleyball"),
        ("Sunglasses", "sunglasses"),
        ("Are there any goldfish?", "is|there|a|goldfish|?"),
        ("at 0:08 or at 12:05?", "at|m00|s08|<unk>|at|m12|s05|?"),
        ("5 things, 99 and 100", "n05|things|,|n99|and|<unk>"),
        ("10:75", "n10|:|n75"),
        ("<eos> <bot> m00 n05", "<unk>|<unk>|<unk>|<unk>"),
        ("a mobile phone", "a|cellular telephone"),
        ("black and gold garden spider", "black and gold garden spider"),
        ("what is on the screen", "what|is|on|the|screen"),
        ("", ""),
        ("!?", "?"),
    ],
)
def test_texts_become_the_words_that_the_model_knows(text: str, wanted: str) -> None:
    assert tokens(text) == [t for t in wanted.split("|") if t]


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["egyptian cat", "and", "espresso", "."], "egyptian cat and espresso."),
        (["at", "m01", "s09", ",", "n05"], "at 1:09, 5"),
        (["yes", "<eos>"], "yes"),
        (["maraca", "s08", "m07"], "maraca :08 7:"),
        ([], ""),
    ],
)
def test_tokens_become_readable_text(ids: list[str], text: str) -> None:
    assert WORDS.decode([WORDS.ids[t] for t in ids]) == text


def test_of_two_tokens_alike_the_word_is_meant() -> None:
    assert VOCABULARY.count("screen") == 2
    assert WORDS.encode("screen") == [len(VOCABULARY) - 1 - VOCABULARY[::-1].index("screen")]


def test_every_synonym_names_a_class() -> None:
    assert {tuple(tokens(name)) for name in SYNONYMS} <= {(t,) for t in VOCABULARY[:1000]}
