"""Rows and their blocks, against a plain list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.retrieval.owners import Owners, spread


@given(
    runs=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=8),
    gone=st.sets(st.integers(0, 80)),
    compact=st.booleans(),
)
def test_rows_are_those_of_a_plain_list(
    runs: list[tuple[int, int]], gone: set[int], compact: bool
) -> None:
    owners, plain, start = Owners(), list[int](), 0
    for count, each in runs:
        ids = range(start, start + 2 * count, 2)
        owners.append(ids, each)
        plain += [i for i in ids for _ in range(each)]
        start += 2 * count
    assert owners.ids.tolist() == plain
    owners.bury(sorted(gone & set(plain)))
    left = sorted(set(plain) - gone)
    assert len(owners) == len(left)
    assert owners.buried == sum(i in gone for i in plain)
    if compact:
        assert owners.compact().tolist() == [i not in gone for i in plain]
        plain = [i for i in plain if i not in gone]
        assert (owners.ids.tolist(), owners.buried, owners.rows) == (plain, 0, len(plain))
    rows = spread(*owners.find(left))
    assert owners.ids[rows].tolist() == [i for i in plain if i in left]
    assert np.flatnonzero(owners.shown(None)).tolist() == rows.tolist()


def test_an_id_stays_used_after_its_rows_are_gone() -> None:
    owners = Owners()
    owners.append([3], 2)
    owners.bury([3])
    owners.compact()
    with pytest.raises(ValueError, match="block 3 cannot follow block 3"):
        owners.append([3], 1)


def test_runs_are_spread_one_after_the_other() -> None:
    assert spread(np.array([7, 0, 3]), np.array([2, 0, 3])).tolist() == [7, 8, 3, 4, 5]
    assert spread(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []
