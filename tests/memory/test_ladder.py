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


@pytest.mark.parametrize("count", [0, 1, 3, 4, 11, 12, 20])
def test_the_newest_are_told_in_the_order_of_time(count: int) -> None:
    """`filled` numbers them so: later rungs are older."""
    ladder = filled([None] * 3, 4)
    assert ladder.newest(count) == list(range(12))[max(0, 12 - count) :]


def due(ladder: Ladder) -> tuple[int, int] | None:
    found = ladder.due()
    return None if found is None else (found.rung, found.blocks)


def aged(ladder: Ladder) -> list[tuple[int, int]]:
    """Let all that is due age, as an archive does; return what was, by rung and number."""
    found = []
    new = 1000
    while now := ladder.due():
        found.append((now.rung, now.blocks))
        assert now.blocks <= now.soon <= len(ladder.ids[now.rung])
        gone = [ladder.ids[now.rung].popleft() for _ in range(now.blocks)]
        if now.blocks == 2:
            ladder.ids[now.rung + 1].append(new := new + 1)
        assert gone == sorted(gone)
        assert len(found) < 1000
    return found


def test_nothing_ages_while_all_together_have_room() -> None:
    ladder = filled([50, 50, 50], 0)
    ladder.ids[0].extend(range(14))
    assert ladder.due() is None
    ladder.ids[0].append(14)
    assert due(ladder) == (0, 2)
    assert ladder.nbytes == 150


def test_two_age_together_and_of_the_last_rung_one_goes() -> None:
    ladder = filled([50, 50, 50], 5)
    assert due(ladder) == (0, 2)
    assert due(filled([50], 5)) == (0, 1)


def test_what_is_over_its_share_ages_first_the_youngest_of_them_before_others() -> None:
    ladder = filled([30, 60, 60], 0)
    for rung, count in enumerate((2, 7, 6)):
        ladder.ids[rung].extend(range(100 - 10 * rung, 100 - 10 * rung + count))
    assert due(ladder) == (1, 2)
    ladder.ids[0].append(109)
    assert due(ladder) == (0, 2)


def test_shares_that_are_less_than_a_block_hold_no_more_than_all_together() -> None:
    ladder = filled([9, 9, 9], 0)
    for number in range(40):
        ladder.ids[0].append(number)
        aged(ladder)
        assert 1 <= len([*ladder]) <= 2
    ladder = filled([3, 3], 0)
    ladder.ids[0].append(0)
    assert ladder.due() is None  # one block stays in any case


def test_where_no_two_stand_on_one_rung_the_oldest_goes() -> None:
    ladder = filled([9, 9, 9], 1)
    assert due(ladder) == (2, 1)
    ladder.ids[2].clear()
    assert due(ladder) == (1, 1)


def test_a_rung_without_a_limit_leaves_the_others_to_their_own() -> None:
    ladder = filled([50, None], 5)
    assert aged(ladder) == [(0, 2)]


def test_the_oldest_stand_on_the_last_rung() -> None:
    ladder = filled([50, 50], 3)
    assert (ladder.oldest(), ladder.firsts(), sorted(ladder)) == (0, [3, 0], [*range(6)])
    assert filled([50], 0).oldest() is None


@pytest.mark.parametrize("given", [[400, 200, 200], [None], [None, None]])
def test_what_all_may_hold_is_never_more_than_the_bound(given: list[int | None]) -> None:
    ladder = filled(given, 30)
    ladder.bound(200)
    aged(ladder)
    assert 200 - 2 * SIZE <= SIZE * len([*ladder]) <= 200


def test_a_bound_that_is_none_changes_nothing_and_can_be_taken_back() -> None:
    ladder = filled([400, 200], 15)
    ladder.bound(600)
    assert ladder.due() is None
    ladder.bound(200)
    assert due(ladder) == (0, 2)
    ladder.bound(1 << 40)
    assert ladder.due() is None


def test_what_is_lost_is_taken_off_its_rung() -> None:
    ladder = filled([50, 50], 3)
    assert ladder.drop([1, 4, 5, 77]) == [[4, 5], [1]]
    assert [list(ids) for ids in ladder.ids] == [[3], [0, 2]]
