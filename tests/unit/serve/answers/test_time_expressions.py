"""Which stretch of a stream a question's words mean, over many ways to say it."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.answers.time_expressions import (
    MARGIN,
    OPENING,
    StreamNow,
    TimeRange,
    parse_time_range,
)
from training.questions.wordings.follow_ups import ELSE, IT, NOW, THEN
from training.questions.wordings.grammar import WORDINGS, say, spoken

NOW_ = 600.0  # seconds on the stream's clock; it is ten to three in the afternoon, began 14:40
WALL = StreamNow(NOW_, datetime(2026, 3, 5, 14, 50, tzinfo=UTC))
LONG = StreamNow(40_000.0, datetime(2026, 3, 5, 14, 50, tzinfo=UTC))  # began 3:43:20
BARE = StreamNow(NOW_)

STRETCHES = {
    "what was there between 1:00 and 2:30?": (60, 151),
    "what happened from 0:30 to 0:45": (30, 46),
    "what happened from 0:30 until 1:00": (30, 61),
    "0:30-1:20: what was there": (30, 81),
    "0:30 - 1:20, what was there": (30, 81),
    "describe 1:00 to 1:10": (60, 71),
    "between 2:00 and 1:00, was there a dog": (61, 120),
    "was there a dog between 30 seconds and 1 minute": (30, 66),
    "was there a dog from 10 s to 20 s?": (10, 21),
    "what did you see in the last five minutes?": (300, 600),
    "what did you see in the past 30 s": (570, 600),
    "what did you see in the past 30s": (570, 600),
    "how many dogs within the last 2 min": (480, 600),
    "anything in the last minute?": (540, 600),
    "anything during the past hour?": (0, 600),
    "what came over the last 1 minute 30 seconds": (510, 600),
    "what came over the last forty five seconds": (555, 600),
    "what came in the last minute and a half": (510, 600),
    "the last half minute, please": (570, 600),
    "what was there in the last 1 minute and a half": (510, 600),
    "how often did the dog come in the last couple of minutes": (480, 600),
    "what came in the last few minutes": (300, 600),
    "the previous twenty-five seconds": (575, 600),
    "in the last 2.5 minutes": (450, 600),
    "when did the dog first appear in the last 2 minutes": (480, 600),
    "what was there before 0:30": (0, 30),
    "how many things came until 0:30": (0, 31),
    "how many things up to 1:05": (0, 66),
    "what came after 1:10": (70, 600),
    "what has happened since 1:10?": (70, 600),
    "from 1:10 on, which things came": (70, 600),
    "what came after 1:00 and before 2:00?": (60, 120),
    "between 1:00 and the dog, what was there": (60, 600),
    "what was there between the dog and 1:00": (0, 61),
    "what happened since two minutes ago": (468, 600),
    "did the dog come more than 5 minutes ago": (0, 300),
    "did the dog come less than 5 minutes ago": (270, 600),
    "what was there before 100 seconds": (0, 100),
    "what came after 5 minutes": (270, 600),
    "what was there in the first minute": (0, 60),
    "what was there in the first 20 seconds of the video": (0, 20),
    "what did the opening half minute show": (0, 30),
    "what was the first thing you saw?": (0, 60),
    "what did you see first": (0, 60),
    "tell me what came first of all, please": (0, 60),
    "what was there at the very beginning": (0, 60),
    "at the start of the video, was there a dog?": (0, 60),
    "what did it all start with?": (0, 60),
    "what was there before everything else": (0, 60),
    "was the dog there at 0:10 or at 0:40": (10 - MARGIN, 41 + MARGIN),
    "in minute 3 what was there": (180 - MARGIN, 240 + MARGIN),
}
MOMENTS = {
    "what was there at 0:42?": 42,
    "at 0:42 what was there": 42,
    "0:42: what was there": 42,
    "AT 00:42, WHAT WAS THERE": 42,
    "what did you see at 0:05:12": 312,
    "what did you see at 5:12": 312,
    "what was there at 42 seconds?": 42,
    "what was there at 42 seconds in?": 42,
    "what was there 42 seconds in": 42,
    "what was there 42s into the video": 42,
    "what was there at 1 minute 5 seconds": 65,
    "what was there at minute 1 second 5": 65,
    "what was at second 7": 7,
    "around 1:30, what was there": 90,
    "what was there at 1:07.5": 67.5,
    "what did you see ten seconds ago": 590,
    "what did you see 1 min 30 s ago": 510,
    "which thing was there a minute ago?": 540,
    "what was there half a minute ago": 570,
    "five minutes ago, what was there?": 300,
    "what was there at 5 minutes": 300,
}
NOTHING = [
    "what do you see?",
    "",
    "when did the dog first appear?",
    "when was the last dog?",
    "have you ever seen a dog",
    "was there a dog so far",
    "did any dog come up to now",
    "what came before the dog?",
    "and before that?",
    "what happened 5 seconds before the dog came",
    "what happened 5 seconds after the dog left",
    "was there a second dog",
    "who was second, 5 dogs or the cat",
    "the last time you saw a dog",
    "what was the last thing",
    "what was the first thing after the dog",
    "when did the first thing come",
    "was the dog there at the start of the race",
    "what was the first time you saw the dog",
    "at what time did you see the dog first",
    "how often did the dog come from the beginning",
    "was it there for 5 minutes",
    "how long is 5 minutes",
    "how many seconds was the dog there?",
    "a moment ago, was there a dog",
    "what was there this morning",
    "and today?",
    "what was there at 3 pm",
    "what was there at 12:05 pm",
    "at noon, what was there",
    "what came after the dog that was there at 0:42",
    "what was there at 0:42 and what was there next",
    "how much is two minus one",
    "is it 0.5 m long",
    "what came over the last one and a half things",
    "<0> at <1>",
    "see 1:2:3:4:5",
]
OF_THE_WORLD = {  # the time of day is known, 14:50
    "what was there at 14:45?": (300, 360),
    "what was there at 2:45 pm?": (300, 360),
    "what was there at 2:45 p.m.": (300, 360),
    "what was there at 14:45:30?": (330, 331),
    "since 14:45, what came": (300 + MARGIN, 600 - MARGIN),
}
OF_A_DAY = {
    "what happened today": (0, 40_000),
    "what happened this morning?": (40_000 - (9 * 60 + 50) * 60, 40_000 - (2 * 60 + 50) * 60),
    "what happened in the afternoon": (40_000 - (2 * 60 + 50) * 60, 40_000),
    "between 9 am and 10 am, who came": (
        40_000 - (5 * 60 + 50) * 60,
        40_000 - (4 * 60 + 50) * 60 + 60,
    ),
    "from noon until 1 pm": (40_000 - (2 * 60 + 50) * 60, 40_000 - (1 * 60 + 50) * 60 + 60),
    "what was there today at 10:00": (
        40_000 - (4 * 60 + 50) * 60 - MARGIN,
        40_000 - (4 * 60 + 50) * 60 + 60 + MARGIN,
    ),
    "was there somebody yesterday": (0, 0),
    "what was there at 1:02:05": (3725 - MARGIN, 3726 + MARGIN),
}


@pytest.mark.parametrize("text", STRETCHES)
def test_words_mean_a_stretch(text: str) -> None:
    found = parse_time_range(text, BARE)
    assert found is not None
    assert (found.since, found.until) == pytest.approx(STRETCHES[text])


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_has_a_margin_on_either_side(text: str) -> None:
    time, found = MOMENTS[text], parse_time_range(text, BARE)
    assert found is not None
    assert found.near == pytest.approx(time)
    assert time - 0.1 * NOW_ - MARGIN <= found.since <= max(0, time - MARGIN)
    assert min(NOW_, time + MARGIN) <= found.until <= time + 0.1 * NOW_ + 1 + MARGIN


@pytest.mark.parametrize("text", NOTHING)
def test_words_without_a_time_that_is_known_limit_nothing(text: str) -> None:
    assert parse_time_range(text, BARE) is None


@pytest.mark.parametrize("text", OF_THE_WORLD)
def test_a_time_of_day_is_one_where_it_is_known_and_the_stream_is_younger(text: str) -> None:
    since, until = OF_THE_WORLD[text]
    found = parse_time_range(text, WALL)
    assert found == TimeRange(since - MARGIN, until + MARGIN)


@pytest.mark.parametrize("text", OF_A_DAY)
def test_a_day_and_its_parts_mean_a_stretch(text: str) -> None:
    found = parse_time_range(text, LONG)
    assert found is not None
    assert (found.since, found.until) == pytest.approx(OF_A_DAY[text])


def test_a_time_that_the_stream_has_passed_is_the_streams() -> None:
    assert parse_time_range("at 9:00, what was there?", WALL) == TimeRange(
        540 - MARGIN, 541 + MARGIN
    )


def test_a_time_that_has_not_come_is_left_to_whoever_looks_for_its_frames() -> None:
    found = parse_time_range("what was there at 12:05?", BARE)
    assert found is not None
    assert found.since > NOW_


@pytest.mark.parametrize("wordings", ["train", "test"])
@pytest.mark.parametrize("seed", range(20))
def test_the_worlds_questions_are_limited_where_they_name_a_time(seed: int, wordings: str) -> None:
    rng = Random(seed)
    asked = dict(WORDINGS[wordings])
    asked |= {"then": THEN[wordings], "else": ELSE[wordings], "now_": NOW[wordings]}
    asked |= {f"it_{kind}": templates for kind, templates in IT[wordings].items()}
    for kind, templates in asked.items():
        for template in templates:
            time = rng.randrange(600)
            text = say(template, rng, "cat", spoken(time, rng))
            found = parse_time_range(text, BARE)
            if "<t>" in template:
                assert found is not None, (kind, text)
                assert found.since <= time <= time + 1 <= max(found.until, NOW_), (kind, text)
                assert found.until - found.since <= 1 + 2 * MARGIN, (kind, text)
            elif kind == "beginning":
                assert found == TimeRange(0.0, OPENING), (kind, text)
            else:
                assert found is None, (kind, text)


SOME = """at in the last first before between and since 0:42 12:05 pm 5 five minutes seconds s ago
    today this morning noon <0> <7> - to until minute second 3 am until half a, ? 99:59 25:61:00
    yesterday night"""
WORDS = st.lists(st.sampled_from(SOME.split()), max_size=9)


@given(WORDS, st.sampled_from([BARE, WALL, LONG, StreamNow(0.0)]))
def test_whatever_is_said_a_stretch_lies_in_the_streams_time(
    words: list[str], clock: StreamNow
) -> None:
    found = parse_time_range(" ".join(words), clock)
    assert found is None or 0 <= found.since <= found.until
    assert found is None or found.until <= max(clock.now, found.since)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_time_range(text, WALL)
