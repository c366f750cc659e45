"""Laws of what is kept for clients that were cut off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from longwatch.serve.realtime.outbox import ReplayBuffer


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 400), st.integers(0, 130))
def test_all_that_came_after_is_given_or_nothing(sizes: list[int], limit: int, after: int) -> None:
    ring, added = ReplayBuffer(limit), [(2 * i + 1, "x" * size) for i, size in enumerate(sizes)]
    for number, text in added:
        ring.add(number, text)
        assert ring.bytes <= limit
    found = ring.after(after)
    wanted = [(number, text) for number, text in added if number > after]
    if sum(sizes) <= limit:
        assert found == wanted
    assert found in (wanted, None)
    if found is None:
        assert sum(len(text) for _, text in wanted) > limit
