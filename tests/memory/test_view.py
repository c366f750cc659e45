"""A view's blocks are those that hold something of its time, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longwatch.memory.table import Table, Tokens
from longwatch.memory.view import Lease, View

if TYPE_CHECKING:
    from longwatch.memory.archive import Archive

TOKENS = 4  # of a block, at most
blocks = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=TOKENS), max_size=8)
moments = st.integers(-1, 31)


def view(times: list[list[int]], dead: list[bool]) -> View:
    """Return a view of blocks whose tokens have these times, some of them let go."""
    table = Table(TOKENS, 1)
    for block in times:
        at = np.array(sorted(block))
        n = len(at)
        tokens = Tokens(at.astype(np.int32), at * 1.0, np.zeros((1, n), np.int16), np.ones(n, "i2"))
        table.add(0, tokens)
    gone = np.array([*dead, *[False] * len(times)][: len(times)], np.bool_)
    return View(cast("Archive", None), table.rows, 0, table.end, gone, Lease(), 0.0)


@given(blocks, st.lists(st.booleans()), moments, moments)
def test_a_block_is_seen_if_a_token_of_it_is(
    times: list[list[int]], dead: list[bool], since: int, until: int
) -> None:
    some = view(times, dead).between(since, until)
    seen = some.allowed()
    for i, block in enumerate(times):
        held = [t for t in sorted(block) if since <= t <= until and not some.dead[i]]
        assert seen[i] == bool(held)
        if held:
            tokens, index = some.tokens(np.array([i]))
            assert tokens.time.tolist() == held
            assert [sorted(block)[k] for k in index] == held
    newest = [t for i in np.flatnonzero(seen) for t in times[i] if since <= t <= until]
    assert some.last_time() == (max(newest) if newest else None)


@given(blocks, st.lists(st.booleans()), moments)
def test_the_nearest_frames_are_those_on_either_side(
    times: list[list[int]], dead: list[bool], at: int
) -> None:
    some = view(times, dead)
    every = [t for i in np.flatnonzero(some.allowed()) for t in times[i]]
    before, after = [t for t in every if t <= at], [t for t in every if t > at]
    expected = (*([max(before)] if before else []), *([min(after)] if after else []))
    assert some.nearest(at) == expected
