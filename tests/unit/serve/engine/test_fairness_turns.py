"""Fair turns, however many questions each side has."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.engine.fairness import FairQueue, Tenant


def given_to(owners: list[Tenant], most: int, rounds: int, cost: float = 1.0) -> Counter[Tenant]:
    turns, got = FairQueue(), Counter[Tenant]()
    for _ in range(rounds):
        picked = turns.pick(owners, [cost] * len(owners), most)
        assert len(set(picked)) == len(picked) == min(most, len(owners))
        got.update(owners[place] for place in picked)
    return got


@given(st.integers(2, 40), st.integers(1, 4))
def test_a_stream_with_many_questions_gets_no_more_than_one_with_enough(
    many: int, most: int
) -> None:
    few = most
    got = given_to([Tenant("", "a")] * many + [Tenant("", "b")] * few, most, 200)
    assert abs(got[Tenant("", "a")] - got[Tenant("", "b")]) <= most or many + few <= most


@given(st.integers(2, 12))
def test_a_key_with_many_streams_gets_no_more_than_a_key_with_one(streams: int) -> None:
    owners = [Tenant("greedy", f"s{i}") for i in range(streams)] + [Tenant("modest", "x")]
    got = given_to(owners, 1, 300)
    assert abs(got[Tenant("modest", "x")] - 150) <= 1
    shares = [got[owner] for owner in owners[:-1]]
    assert max(shares) - min(shares) <= 1


def test_of_one_owner_the_first_goes_first() -> None:
    assert FairQueue().pick([Tenant("", "a")] * 5, [1.0] * 5, 2) == [0, 1]


def test_dear_turns_come_less_often() -> None:
    turns, got = FairQueue(), [0, 0]
    for _ in range(120):
        (place,) = turns.pick([Tenant("", "a"), Tenant("", "b")], [3.0, 1.0], 1)
        got[place] += 1
    assert abs(got[1] - 3 * got[0]) <= 3


def test_who_comes_late_is_not_paid_for_the_time_before() -> None:
    turns, old, new = FairQueue(), Tenant("", "old"), Tenant("", "new")
    for _ in range(50):
        turns.pick([old, old], [1.0, 1.0], 1)
    firsts = [turns.pick([old, new], [1.0, 1.0], 1)[0] for _ in range(10)]
    assert 4 <= sum(firsts) <= 6


def test_nobody_pays_for_turns_that_nobody_else_wanted() -> None:
    turns, a, b = FairQueue(), Tenant("", "a"), Tenant("", "b")
    for _ in range(10):
        turns.pick([a, a, b], [9.0, 9.0, 0.0], 2)
    turns.pick([a, b], [1.0, 1.0], 2)  # all have a turn
    assert turns.pick([a, b], [1.0, 1.0], 1) == [0]


def test_all_have_a_turn_where_there_is_room() -> None:
    assert FairQueue().pick([Tenant("", "a")] * 3, [1.0] * 3, 8) == [0, 1, 2]
    assert FairQueue().pick([], [], 8) == []
