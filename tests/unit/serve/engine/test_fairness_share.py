"""Answers first, frames their share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.serve.engine.fairness import WeightedShare


@given(
    share=st.floats(0.05, 0.95),
    frame=st.floats(0.001, 0.2),
    answer=st.floats(0.001, 0.2),
)
def test_frames_get_their_share_whatever_the_steps_cost(
    share: float, frame: float, answer: float
) -> None:
    account, spent = WeightedShare(share), {"frame": 0.0, "answer": 0.0}
    for _ in range(3000):
        turn = account.next_kind(frames=True, answers=True)
        assert turn is not None
        cost = frame if turn == "frame" else answer
        account.charge(turn, cost)
        spent[turn] += cost
    # Off by at most the one step that the account is ahead or behind.
    total = sum(spent.values())
    slack = frame + answer * share / (1 - share)
    assert abs(spent["frame"] - share * total) <= slack + 1e-6


def test_an_answer_goes_first() -> None:
    assert WeightedShare().next_kind(frames=True, answers=True) == "answer"


def test_who_waits_alone_goes_on() -> None:
    assert WeightedShare().next_kind(frames=True, answers=False) == "frame"
    assert WeightedShare().next_kind(frames=False, answers=True) == "answer"
    assert WeightedShare().next_kind(frames=False, answers=False) is None


def test_nobody_pays_for_what_nobody_else_wanted() -> None:
    account = WeightedShare()
    for _ in range(5):
        account.charge("answer", 10.0)
    assert account.next_kind(frames=True, answers=True) == "frame"
    account.next_kind(frames=True, answers=False)
    assert account.next_kind(frames=True, answers=True) == "answer"


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0])
def test_a_share_is_a_fraction(share: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        WeightedShare(share)
