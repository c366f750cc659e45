"""A table of blocks against a dictionary, and what its readers keep while it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory import table as table_module
from longwatch.memory.table import Table, Tokens, tokens_of

WIDTH, AXES = 3, 2
Row = tuple[int, Tokens]


def tokens(seed: int) -> Tokens:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, WIDTH + 1))
    return Tokens(
        np.sort(draw.integers(0, 99, n)).astype(np.int32),
        draw.random(n),
        draw.integers(0, 99, (AXES, n)).astype(np.int16),
        draw.integers(1, 99, n).astype(np.int16),
    )


def same(one: Tokens, other: Tokens) -> bool:
    pairs: list[tuple[Any, Any]] = [
        (one.frame, other.frame),
        (one.time, other.time),
        (one.place, other.place),
        (one.span, other.span),
    ]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def holds(rows: Any, base: int, expected: dict[int, Row]) -> bool:
    """Tell whether rows say what is expected, of each block alone and of all together."""
    ids = np.array(sorted(expected), np.int64)
    at = ids - base
    found, index = tokens_of(rows, at)
    parts = [expected[i][1] for i in ids.tolist()]
    where = [k * WIDTH + j for k, part in enumerate(parts) for j in range(len(part))]
    return (
        [int(rows.rung[a]) for a in at] == [expected[i][0] for i in ids]
        and (not parts or same(found, Tokens.joined(parts)))
        and index.tolist() == where
    )


acts = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 60)),
        st.tuples(st.just("skip"), st.integers(0, 5)),
        st.tuples(st.just("trim"), st.integers(0, 90)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=25,
)


@given(acts)
@settings(max_examples=60, deadline=None)
def test_a_table_holds_what_a_dictionary_would(acts: list[tuple[str, int]]) -> None:
    """And whoever looked at it keeps what there was then, whatever is added or trimmed later."""
    table, oracle = Table(WIDTH, AXES), dict[int, Row]()
    looks: list[tuple[Any, int, dict[int, Row]]] = []
    end = 0
    for act, count in acts:
        if act == "add":
            for _ in range(count):
                row = (end % 3, tokens(end))
                assert table.add(*row) == end
                oracle[end] = row
                end += 1
        elif act == "skip":
            end += count
            table.skip(end)
        elif act == "trim":
            first = end * count // 90
            table.trim(first)
            oracle = {i: row for i, row in oracle.items() if i >= first}
        else:
            looks.append((table.rows, table.base, dict(oracle)))
        assert table.end == end
        assert holds(table.rows, table.base, oracle)
    assert all(holds(*look) for look in looks)


def test_an_endless_table_that_is_trimmed_stays_as_large_as_it_soon_is() -> None:
    table = Table(WIDTH, AXES)
    sizes = set()
    for i in range(20 * table_module.FIRST):
        table.add(0, tokens(i))
        table.trim(i - 10)
        sizes.add(table.nbytes)
        assert table.base <= max(0, i - 10)
    assert len(sizes) <= 2
    assert table.nbytes == sum(column.nbytes for column in table.rows)


@given(st.integers(0, 99), st.data())
@settings(max_examples=20, deadline=None)
def test_tokens_are_taken_and_joined_column_by_column(seed: int, data: st.DataObject) -> None:
    some = tokens(seed)
    at = data.draw(st.lists(st.integers(0, len(some) - 1), min_size=1))
    parts = [some.take(np.array([i])) for i in at]
    assert same(Tokens.joined(parts), some.take(np.array(at)))
    assert len(some.take(np.array(at))) == len(at)


def test_a_table_of_a_long_stretch_of_ids_stays_below_twice_of_it() -> None:
    """Ids of blocks on the last rung are old, and rows of those that went since take room, too."""
    table = Table(WIDTH, AXES)
    for i in range(3000):
        table.add(0, tokens(i))
        table.trim(i - 190)  # which is three quarters of 256
    assert len(table.rows.rung) == 256
