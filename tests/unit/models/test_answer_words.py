"""Answers are written in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.models.answer_words import PLACES, clock, count, described, listed, often, places

FRACTIONS = st.floats(0, 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00"), (5.9, "00:05"), (125, "02:05"), (3599, "59:59"), (3725.5, "1h02:05")],
)
def test_a_time_has_two_digits_each_and_hours_only_from_one_on(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_numbers_are_words_up_to_ten() -> None:
    assert [count(n) for n in (0, 1, 10, 11, 500)] == [
        *("none", "one", "ten"),
        *("more than ten", "more than ten"),
    ]
    assert [often(n) for n in (0, 1, 2, 3, 10, 11)] == [
        *("never", "once", "twice"),
        *("three times", "ten times", "more than ten times"),
    ]


@given(FRACTIONS, FRACTIONS)
def test_the_best_place_holds_the_point_and_others_are_near(x: float, y: float) -> None:
    best, *others = places((x, y))
    row, column = min(2, int(3 * y)), min(2, int(3 * x))
    assert best == PLACES[row][column]
    for other in others:
        assert any(
            other in places((x + dx, y + dy))[:1]
            for dx in (-0.031, 0, 0.031)
            for dy in (-0.031, 0, 0.031)
        )


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ((0.5, 0.5), {"middle"}),
        ((0.32, 0.1), {"top left", "top"}),
        ((0.34, 0.66), {"middle", "left", "bottom", "bottom left"}),
    ],
)
def test_near_a_border_both_places_are_right(at: tuple[float, float], words: set[str]) -> None:
    assert set(places(at)) == words


def test_lists_may_come_in_any_order_the_first_is_the_one_given() -> None:
    assert listed([]) == ("nothing",)
    assert listed(["b"]) == ("b",)
    assert listed(["b", "a"]) == ("b and a", "a and b")
    assert len(listed("abc")) == 6


def test_a_description_says_what_is_where_on_which_background() -> None:
    things = [("cheetah", (0.2, 0.5)), ("espresso", (0.8, 0.9))]
    one, other = described(things, "green")
    assert one == "cheetah left and espresso bottom right, green background"
    assert other == "espresso bottom right and cheetah left, green background"
    assert described([], "blue") == ("nothing, blue background",)
