"""An archive against one of plain lists, and what those who look at an old state of it see."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.archive import Archive
from longwatch.memory.codec import Codec
from longwatch.memory.hot import hot_for
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.sealed import Shape
from longwatch.memory.segment import Segment
from longwatch.memory.thinning import salience
from longwatch.memory.view import Lease
from longwatch.retrieval import MeanDot
from tests.memory.cases import EXACT

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.view import View

LAYERS, H, D = 2, 1, 2
Token = tuple[int, int]  # frame, and which of its tokens


class Block(NamedTuple):
    """One block, nothing packed."""

    tokens: list[Token]
    keys: Tensor  # (L, h, n, d)
    values: Tensor


def frame(i: int, n: int, layers: int = LAYERS) -> Segment:
    generator = torch.Generator().manual_seed(i)
    keys, values = torch.randn(2, layers, H, n, D, generator=generator)
    return Segment(tuple(keys), tuple(values), torch.arange(n)[None], i / 4, None, i)


def slot_bytes(block_tokens: int) -> int:
    return LAYERS * EXACT.row_bytes(H, D, block_tokens)


def archive(block_tokens: int, most: Sequence[int | None]) -> Archive:
    """Return an archive whose rungs hold so many blocks each; None is no limit."""
    size = slot_bytes(block_tokens)
    rungs = tuple(Rung(EXACT, None if n is None else (n + 1) * size) for n in most)
    shape = Shape.of(frame(0, 1))
    return Archive(Sealing(block_tokens, rungs=rungs), MeanDot(), shape, block_tokens)


class Plain:
    """The same in lists: frames fill blocks, and the oldest two of a rung become one.

    With a limit for every rung nothing ages while all together are within the sum of the limits.
    """

    def __init__(self, block_tokens: int, most: Sequence[int | None]) -> None:
        self.block_tokens, self.most = block_tokens, most
        self.rungs: list[list[Block]] = [[] for _ in most]
        self.waiting: list[Segment] = []

    def seal(self, new: Segment) -> None:
        self.waiting.append(new)
        while count := self._whole():
            some, self.waiting = self.waiting[:count], self.waiting[count:]
            tokens = [(f.index, j) for f in some for j in range(len(f))]
            keys = torch.cat([torch.stack(f.keys) for f in some], 2)
            values = torch.cat([torch.stack(f.values) for f in some], 2)
            for a in range(0, len(tokens), self.block_tokens):
                b = a + self.block_tokens
                self.rungs[0].append(Block(tokens[a:b], keys[:, :, a:b], values[:, :, a:b]))
                self._age()

    def _whole(self) -> int:
        """Return how many frames make the next block: it is full, or the next does not fit."""
        for count in range(1, len(self.waiting) + 1):
            total = sum(map(len, self.waiting[:count]))
            if total >= self.block_tokens:
                return count if total == self.block_tokens or count == 1 else count - 1
        return 0

    def _age(self) -> None:
        while (i := self._due()) is not None:
            if i + 1 == len(self.rungs) or len(self.rungs[i]) == 1:
                del self.rungs[i][0]
            else:
                self.rungs[i + 1].append(halved(self.rungs[i].pop(0), self.rungs[i].pop(0)))

    def _due(self) -> int | None:
        """Return the rung whose oldest age: one over its limit, or as good as any."""
        limits = [limit for limit in self.most if limit is not None]
        limited = len(limits) == len(self.most)
        room = max(1, sum(limits) + len(limits) - 1)  # a limit has room for one more, see `archive`
        held = [len(rung) for rung in self.rungs]
        if limited and sum(held) <= room:
            return None
        pairs = [i for i in range(len(held) - 1) if held[i] >= 2] + [len(held) - 1] * (held[-1] > 0)
        over = [i for i in pairs if (most := self.most[i]) is not None and held[i] > most]
        if over:
            return over[0]
        if not limited:
            return None
        two = [i for i in pairs if i + 1 < len(held)]
        return two[0] if two else max(i for i, count in enumerate(held) if count)


def halved(first: Block, second: Block) -> Block:
    """Return half of the tokens: each frame's best first, then those that stand out most."""
    tokens = first.tokens + second.tokens
    keys = torch.cat([first.keys, second.keys], 2)
    values = torch.cat([first.values, second.values], 2)
    weight = salience(keys, values).tolist()  # with its own rounding: two tokens are always even
    best: dict[int, int] = {}
    for i in sorted(range(len(tokens)), key=lambda i: -weight[i]):
        best.setdefault(tokens[i][0], i)
    order = sorted(range(len(tokens)), key=lambda i: (i not in best.values(), -weight[i]))
    order = order[: max(1, len(tokens) // 2)]
    at = sorted(order)
    return Block([tokens[i] for i in at], keys[:, :, at], values[:, :, at])


def seen(view: View | None) -> list[Token]:
    """Return the tokens of all blocks seen, in the order in which they would be recalled."""
    if view is None:
        return []
    tokens, _ = view.tokens(view.in_time(np.flatnonzero(view.allowed())))
    return list(zip(tokens.frame.tolist(), tokens.place[0].tolist(), strict=True))


def read(view: View | None) -> list[Tensor]:
    """Return the keys and values of all blocks seen, as they would be recalled."""
    if view is None:
        return []
    ids = view.in_time(np.flatnonzero(view.allowed()))
    _, index = view.tokens(ids)
    return [
        x[:, torch.from_numpy(index)]
        for layer in range(LAYERS)
        for x in view.archive.read(layer, ids, view)
    ]


def unchanged(view: View, tokens: list[Token], before: list[Tensor]) -> bool:
    same = all(torch.equal(*pair) for pair in zip(before, read(view), strict=True))
    return same and seen(view) == tokens


def live(some: Archive) -> int:
    return sum(count for count, _ in some.rungs())


def no_leak(some: Archive) -> None:
    """Every slot and every vector belongs to a live block; rungs of one codec share an arena."""
    (arena,) = set(some.tier.arenas)
    for count, used in some.rungs():
        assert used == count * arena.layers * arena.row_bytes
    assert len(arena) == live(some)
    assert all(len(index) == live(some) for index in some.index)


limits = st.lists(st.integers(1, 5), min_size=1, max_size=4)
sizes = st.lists(st.integers(1, 20), min_size=1, max_size=40)


@given(st.integers(1, 7), limits, st.booleans(), sizes)
@settings(max_examples=60, deadline=None)
def test_an_archive_holds_what_one_of_plain_lists_holds(
    block_tokens: int, most: list[int], endless: bool, counts: list[int]
) -> None:
    """Whatever the sizes: many frames a block, many blocks a frame, many rungs, one block each."""
    every: list[int | None] = [*most, None] if endless else [*most]
    ours, plain = archive(block_tokens, every), Plain(block_tokens, every)
    waiting: list[Segment] = []
    for i, n in enumerate(counts):
        waiting.append(frame(i, n))
        waiting = waiting[ours.seal(waiting) :]
        plain.seal(frame(i, n))
        assert [f.index for f in waiting] == [f.index for f in plain.waiting]
        compare(ours, plain)
    ours.seal([])
    no_leak(ours)


def compare(ours: Archive, plain: Plain) -> None:
    """Both hold the same tokens on the same rungs, which are found in the order of time."""
    assert [count for count, _ in ours.rungs()] == [len(rung) for rung in plain.rungs]
    blocks = [block for rung in reversed(plain.rungs) for block in rung]
    tokens = [token for block in blocks for token in block.tokens]
    assert tokens == sorted(tokens)
    view = ours.view()
    assert seen(view) == tokens
    assert ours.tokens == len(tokens)
    expected = [
        torch.cat([getattr(block, name)[layer] for block in blocks], 1)
        for layer in range(LAYERS)
        for name in ("keys", "values")
        if blocks
    ]
    assert all(torch.equal(*pair) for pair in zip(read(view), expected, strict=True))
    assert view is None or view.first_time == tokens[0][0] / 4


@given(limits, sizes, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_an_old_view_reads_the_same_bytes_until_it_goes(
    most: list[int], counts: list[int], chance: random.Random
) -> None:
    ours = archive(3, [*most])
    held: list[tuple[View, list[Token], list[Tensor]]] = []
    waiting: list[Segment] = []
    for i, n in enumerate(counts):
        waiting.append(frame(i, n))
        waiting = waiting[ours.seal(waiting) :]
        view = ours.view()
        if view is not None and chance.random() < 0.3:
            held.append((view, seen(view), read(view)))
        del view
        if held and chance.random() < 0.2:
            held.pop(chance.randrange(len(held)))
        assert all(unchanged(*each) for each in held)
    held.clear()
    ours.seal([])
    no_leak(ours)


def test_a_search_through_an_old_view_finds_what_it_sees_and_nothing_else() -> None:
    ours = archive(2, [2, 2])
    query = torch.ones(1, H * D)
    ours.seal([frame(i, 2) for i in range(5)])
    old = ours.view()
    assert old is not None
    before = ours.index[0].search(query, 99, old.allowed())
    assert sorted(before.ids) == np.flatnonzero(old.allowed()).tolist()
    ours.seal([frame(i, 2) for i in range(5, 30)])
    new = ours.view()
    assert new is not None
    assert ours.index[0].search(query, 99, old.allowed()) == before
    after = ours.index[0].search(query, 99, new.allowed())
    assert sorted(after.ids) == np.flatnonzero(new.allowed()).tolist()
    assert not set(after.ids) & set(before.ids)


def test_an_endless_stream_takes_the_room_that_its_rungs_have() -> None:
    """What was given back is used again; what is let go is freed one block later."""
    ours = archive(2, [3, 3])
    for i in range(60):
        ours.seal([frame(i, 2)])
    assert ours.tier.arenas[0].nbytes == 10 * slot_bytes(2)


def test_an_arena_that_rungs_share_gives_back_room_and_loses_nothing() -> None:
    ours = archive(2, [8, 8, 8])
    ours.tier.arenas[0].slab_bytes = 1  # as if it had asked for much
    ours.seal([frame(i, 2) for i in range(40)])
    ours.ladder.bound(9 * slot_bytes(2))
    ours.age()
    ours.trim()
    view = ours.view()
    before, was = read(view), ours.tier.arenas[0].nbytes
    assert view is not None
    assert len(set(view.rows.rung[np.flatnonzero(view.allowed()) - view.base].tolist())) > 1
    ours.tier.pack()
    assert len(set(ours.tier.arenas)) == 1
    assert ours.tier.arenas[0].nbytes < was
    assert all(torch.equal(*pair) for pair in zip(read(view), before, strict=True))
    no_leak(ours)


@pytest.mark.parametrize("most", [4, 40])
def test_whoever_looks_back_costs_what_was_let_go_meanwhile_and_little_more(most: int) -> None:
    """An answer under way while blocks age must not double an archive for good."""
    ours = archive(1, [most])
    for i in range(most):
        ours.seal([frame(i, 1)])
    for turn in range(20):
        held = ours.view()
        first = most + 5 * turn
        for i in range(first, first + 5):
            ours.seal([frame(i, 1)])
        assert held is not None
        del held
    assert ours.tier.arenas[0].nbytes <= (most + 2 + 5 + most // 8) * slot_bytes(1)


def test_a_view_that_another_thread_lets_go_frees_what_it_held() -> None:
    ours = archive(2, [3])
    ours.seal([frame(i, 2) for i in range(3)])
    held = [ours.view()]
    ours.seal([frame(i, 2) for i in range(3, 9)])
    ours.seal([])
    assert len(ours.index[0]) > live(ours)
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    ours.seal([])
    no_leak(ours)


def test_a_view_that_outlives_very_many_changes_goes_without_trouble() -> None:
    """What was let go after it hangs on it as a chain, which must not be undone by recursion."""
    gone: list[int] = []
    oldest = newest = Lease()
    for i in range(20_000):
        weakref.finalize(newest, gone.append, i)
        newest.after = Lease()
        newest = newest.after
    assert not gone
    del oldest
    assert gone == list(range(20_000))


def test_what_is_told_replays_to_what_is_held() -> None:
    """A merged block comes before the ids that it replaces."""
    held: dict[int, int] = {}

    def told(what: object) -> None:
        if isinstance(what, list):
            assert all(i in held for i in what)
            for i in what:
                del held[i]
        else:
            assert what.id not in held  # type: ignore[attr-defined]
            held[what.id] = what.rung  # type: ignore[attr-defined]

    ours = archive(2, [3, 2, 2])
    ours.told = told
    for i in range(60):
        ours.seal([frame(i, 2)])
        view = ours.view()
        assert view is not None
        assert sorted(held) == np.flatnonzero(view.allowed()).tolist()
        assert [list(held.values()).count(r) for r in range(3)] == [n for n, _ in ours.rungs()]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_frames_that_fill_no_block_wait(count: int) -> None:
    ours = archive(10, [None])
    assert ours.seal([frame(i, 3) for i in range(count)]) == 0
    assert ours.view() is None
    assert ours.nbytes == archive(10, [None]).nbytes


@given(st.integers(1, 60), st.booleans(), st.data())
@settings(max_examples=25, deadline=None)
def test_all_layers_read_at_once_are_those_read_one_by_one(
    count: int, warm: bool, data: st.DataObject
) -> None:
    """Also over rungs of several codecs, and where some blocks are hot."""
    codecs = [EXACT, Codec(8, 8), Codec(4, 2)]
    rungs = tuple(Rung(codec, 3 * slot_bytes(8)) for codec in codecs)
    held = Archive(Sealing(8, rungs=rungs), MeanDot(), Shape.of(frame(0, 1)), 8)
    held.seal([frame(i, 4) for i in range(count)])
    view = held.view()
    if view is None:
        return
    if warm:
        held.hot = hot_for(held, 1 << 20)
    every = view.in_time(np.flatnonzero(view.allowed()))
    some = data.draw(st.lists(st.sampled_from(range(len(every))), min_size=1, unique=True))
    ids = every[np.sort(some)]
    found = held.read_all(ids, view)
    assert len(found) == LAYERS
    held.hot = None
    for layer, (keys, values) in enumerate(found):
        assert keys.shape == (H, len(ids) * 8, D)
        alone = held.read(layer, ids, view)
        assert torch.equal(keys, alone[0])
        assert torch.equal(values, alone[1])
