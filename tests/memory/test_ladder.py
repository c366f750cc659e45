"""Rungs know their limits, and share a smaller one as they share their own."""

from __future__ import annotations

import pytest

from longwatch.memory.ladder import Ladder
from longwatch.memory.seal import Rung

SIZE = 10


def filled(given: list[int | None], each: int) -> Ladder:
    """Return a ladder with as many blocks on each rung; the last one has the oldest."""
    ladder = Ladder([Rung(max_bytes=size) for size in given], [SIZE] * len(given))
    for rung, ids in enumerate(reversed(ladder.ids)):
        ids.extend(range(rung * each, (rung + 1) * each))
    return ladder


def over(ladder: Ladder) -> list[int]:
    return [ladder.over(rung) for rung in range(len(ladder.ids))]


def test_two_age_together_and_of_the_last_rung_one_goes() -> None:
    ladder = filled([50, 50, 50], 5)
    assert over(ladder) == [2, 2, 1]
    for ids in ladder.ids:
        ids.popleft()
    assert over(ladder) == [0, 0, 0]


def test_the_oldest_stand_on_the_last_rung() -> None:
    ladder = filled([50, 50], 3)
    assert (ladder.oldest(), ladder.firsts(), sorted(ladder)) == (0, [3, 0], [*range(6)])
    assert filled([50], 0).oldest() is None


@pytest.mark.parametrize("given", [[400, 200, 200], [None], [None, None]])
def test_what_all_may_hold_is_never_more_than_the_bound(given: list[int | None]) -> None:
    ladder = filled(given, 30)
    ladder.bound(200)
    for rung, ids in enumerate(ladder.ids):
        while ladder.over(rung):
            ids.popleft()
    assert 200 - 2 * SIZE * len(given) <= SIZE * len([*ladder]) <= 200


def test_a_bound_that_is_none_changes_nothing_and_can_be_taken_back() -> None:
    ladder = filled([400, 200], 15)
    ladder.bound(600)
    assert over(ladder) == [0, 0]
    ladder.bound(200)
    assert over(ladder) == [2, 1]
    ladder.bound(1 << 40)
    assert over(ladder) == [0, 0]


def test_what_is_lost_is_taken_off_its_rung() -> None:
    ladder = filled([50, 50], 3)
    assert ladder.drop([1, 4, 5, 77]) == [[4, 5], [1]]
    assert [list(ids) for ids in ladder.ids] == [[3], [0, 2]]
