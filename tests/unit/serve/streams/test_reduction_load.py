"""How a stream gives way, and comes back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.serve.streams.reduction import LEAST, LoadFactor


def test_a_lost_frame_halves_the_share_and_says_why() -> None:
    assert LoadFactor().next(lost=1, waiting=0) == LoadFactor(0.5, "frames_lost", 1)
    assert LoadFactor().next(lost=0, waiting=1) == LoadFactor(0.8, "frames_wait", 0)


def test_a_loss_counts_once() -> None:
    once = LoadFactor().next(lost=3, waiting=0)
    assert once.next(lost=3, waiting=0).share > once.share


def test_after_the_load_all_is_as_usual_again() -> None:
    ease = LoadFactor().next(lost=9, waiting=3)
    for _ in range(10):
        assert ease.reason == "frames_lost"
        ease = ease.next(lost=9, waiting=0)
    assert ease == LoadFactor(1.0, None, 9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3))))
def test_the_share_stays_in_range_and_a_reason_stands_beside_it(
    signs: list[tuple[int, int]],
) -> None:
    ease, lost = LoadFactor(), 0
    for more, waiting in signs:
        lost += more
        after = ease.next(lost, waiting)
        assert LEAST <= after.share <= 1
        assert (after.reason is None) == (after.share == 1)
        if more or waiting:
            assert after.share < ease.share or after.share == LEAST
        else:
            assert after.share > ease.share or after.share == 1
        ease = after
