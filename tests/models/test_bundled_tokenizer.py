"""Laws of the bundled model's tokenizer, over the files that are shipped."""

from __future__ import annotations

import json
import re
import shutil
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from longwatch.models.answer_words import clock
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import SPECIAL, BundledTokenizer, plain
from longwatch.models.text import TextStream
from longwatch.stream.sources import painting
from training.questions.wordings.grammar import TRAIN, say, spoken

if TYPE_CHECKING:
    from pathlib import Path

WORDS = BundledTokenizer(FOLDER)
ALIASES = json.loads((FOLDER / "aliases.json").read_text("utf-8"))
FORMS = json.loads((FOLDER / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
TIMES = st.integers(0, 24 * 3600 - 1)
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom")
COLOURS = tuple(painting.COLOURS)
REPEATED = re.compile(r"\band$|\b(.+) and \1\b")  # a list is told in a form of its own
IDS = st.lists(st.integers(0, len(WORDS) - 1), max_size=12)


def test_every_name_is_one_token() -> None:
    for name in (*WORDS.names, *WORDS.groups):
        assert WORDS.encode(name) == WORDS.encode(name.upper()) == [WORDS.word(name)]


@pytest.mark.parametrize(
    ("plural", "name"),
    [
        *[("Cats", "cat"), ("Egyptian cats", "egyptian cat"), ("wolves", "wolf")],
        *[("foxes", "fox"), ("strawberries", "strawberry"), ("glasses", "glasses")],
    ],
)
def test_a_plural_is_the_name(plural: str, name: str) -> None:
    assert WORDS.decode(WORDS.encode(f"any {plural}?")) == f"any {name}?"


def test_other_names_mean_the_names_and_none_of_them_is_a_name_itself() -> None:
    for other, name in ALIASES.items():
        assert WORDS.encode(other) == [WORDS.word(name)]
    assert not {*ALIASES} & {*WORDS.names, *WORDS.groups}
    assert WORDS.decode(WORDS.encode("An AEGIS")) == "an breastplate"


def test_columns_of_the_head_come_first_and_share_an_id_only_by_name() -> None:
    assert WORDS.classes[:1000] == tuple(range(1000))
    assert len({*WORDS.classes}) == len({*WORDS.names})
    assert set(range(len({*WORDS.names}))) == {*WORDS.classes}


def test_members_of_a_group_are_names() -> None:
    for word, members in WORDS.groups.items():
        assert len(members) >= 2, word
        assert {*members} <= {*WORDS.names}
    assert {"beagle", "dog", "poodle"} <= {*WORDS.groups["dog"]}


@given(TIMES, st.integers(0, 10**6))
def test_a_time_is_its_parts_however_it_is_written(time: int, seed: int) -> None:
    minutes, second = divmod(time, 60)
    hour, minute = divmod(minutes, 60)
    ids = [WORDS.hours[hour]] * (hour > 0) + [WORDS.minutes[minute], WORDS.seconds[second]]
    assert WORDS.encode(clock(time)) == ids
    assert WORDS.encode(f"at {spoken(time, Random(seed))}?")[1:-1] == ids
    assert WORDS.decode(ids) == clock(time)


@pytest.mark.parametrize(
    "text",
    [
        *["5 seconds in", "at 5 seconds", "at second 5", "00:05", "0:05", "0:00:05"],
        *["at minute 0 second 5", "at 0 minutes and 5 seconds", "at 5s", "At 0h 0m 5s"],
    ],
)
def test_spoken_times_are_times(text: str) -> None:
    assert WORDS.decode(WORDS.encode(text)).removeprefix("at ") == "00:05"


@pytest.mark.parametrize(
    "text", ["the last 5 seconds", "5 second video", "the second one", "1:2", "3:75", "1.2:30"]
)
def test_what_is_no_moment_is_left_alone(text: str) -> None:
    assert WORDS.canonical(text) == text


def answers() -> st.SearchStrategy[str]:
    things = st.sampled_from(sorted({*WORDS.names}))
    placed = st.tuples(things, st.sampled_from(PLACES)).map(" ".join)
    described = st.lists(placed, min_size=1, max_size=3).map(" and ".join)
    return st.one_of(
        st.lists(things, min_size=1, max_size=3, unique=True).map(" and ".join),
        st.tuples(described | st.just("nothing"), st.sampled_from(COLOURS)).map(
            lambda parts: f"{parts[0]}, {parts[1]} background"
        ),
        TIMES.map(clock),
        st.sampled_from([*NUMBERS, *(f"{n} times" for n in NUMBERS[3:]), *COLOURS, *PLACES]),
        st.sampled_from(["more than ten", "more than ten times", "never", "once", "twice"]),
        st.sampled_from(["yes", "no", "nothing", "bottom right", "I can't tell from the video."]),
    )


@given(answers())
def test_an_answer_survives_the_way_there_and_back(answer: str) -> None:
    ids = WORDS.encode(answer)
    assert WORDS.decode(ids) == answer
    assert len(ids) <= answer.count(" ") + answer.count(",") + answer.count(".") + 3
    stream = TextStream(WORDS)
    assert "".join([*map(stream.push, ids), stream.finish()]) == answer


@given(st.text(max_size=60))
def test_any_text_can_be_asked_and_is_kept_but_for_case_and_spaces(text: str) -> None:
    canonical = WORDS.canonical(text)
    assume(not REPEATED.search(canonical))
    assert WORDS.decode(WORDS.encode(text)) == canonical
    assert WORDS.canonical(canonical) == canonical


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cheetah and cheetah", "cheetah"),
        ("cheetah and cheetah and cheetah", "cheetah"),
        ("cheetah and cheetah and espresso", "cheetah and espresso"),
        ("cheetah and espresso and espresso", "cheetah and espresso"),
        ("cheetah and espresso", "cheetah and espresso"),
        ("cheetah left and cheetah right", "cheetah left and cheetah right"),
        ("cheetah and", "cheetah"),
        ("and cheetah", "and cheetah"),
    ],
)
def test_a_list_names_a_thing_once_at_a_time(said: str, told: str) -> None:
    ids = WORDS.encode(said)
    assert WORDS.decode(ids) == told
    stream = TextStream(WORDS)
    assert "".join([*map(stream.push, ids), stream.finish()]) == told


@given(IDS)
def test_a_text_begins_like_that_of_its_first_ids(ids: list[int]) -> None:
    whole = WORDS.decode(ids)
    for n in range(len(ids)):
        assert whole.startswith(WORDS.decode(ids[:n]).rstrip("\ufffd"))


@pytest.mark.parametrize("kind", TRAIN)
def test_the_words_of_a_wording_are_one_token_each(kind: str) -> None:
    rng = Random(0)
    pieces = {i for form, i in FORMS.items() if not form.startswith("\u0120")}
    for template in TRAIN[kind] * 20:
        text = say(template, rng, "cheetah", "02:05")
        assert not {*WORDS.encode(text)} & (pieces - {*WORDS.encode("02:05,.:;?")}), text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Is the background orange?", "is the background orange?"),
        ("orange", "orange"),
        ("is there an orange?", "is there an orange fruit?"),
        ("when was the orange first seen", "when was the orange fruit first seen"),
        ("what is on the orange background", "what is on the orange background"),
        ("What 's   there", "what's there"),
        ("what\u2019s there", "what's there"),
        ("may i ask", "may I ask"),
        ("three toed sloths", "three-toed sloth"),
    ],
)
def test_the_form_that_the_model_reads(text: str, meant: str) -> None:
    assert WORDS.canonical(text) == meant


@pytest.mark.parametrize("token", SPECIAL)
def test_no_text_makes_a_control_token(token: str) -> None:
    ids = WORDS.encode(f"a {token} b{token}")
    assert WORDS.word(token) not in ids
    assert WORDS.decode([WORDS.word(token), *ids]) == plain(f"a {token} b{token}")


def test_a_damaged_file_is_an_error_that_says_which(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "copy", ignore=shutil.ignore_patterns("*.safe*"))
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        BundledTokenizer(folder)
