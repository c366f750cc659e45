"""A row is laid out as if what was recalled had been at hand, in each layer for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.base import Rotary
from longwatch.memory.kept import bag, segment_of
from longwatch.memory.row import Row, rotate
from longwatch.memory.segment import Part, Segment, place
from longwatch.models.preprocess import grid_positions
from tests.memory import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.row import Stored

H, D, QUERY = 2, 4, torch.zeros(4, 1, 4)


class Plain:
    """A rope whose table is the positions themselves."""

    def __init__(self, axes: int) -> None:
        self.axes = axes
        self.asked = 0

    def table(self, positions: Tensor) -> Rotary:
        self.asked += 1
        return Rotary(positions.T.clone(), positions.T.clone())

    def rotate(self, x: Tensor, rotary: Rotary) -> Tensor:
        raise NotImplementedError


class Chosen:
    """Recalls given parts in each layer, between the first `head` segments and the others."""

    def __init__(self, head: int, layers: Sequence[list[Part]]) -> None:
        self._head, self._layers = head, layers

    def split(self, segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        return tuple(segments[: self._head]), tuple(segments[self._head :])

    def choose(self, layer: int, query: Tensor) -> list[Part]:
        return self._layers[layer]


def read(positions: Tensor, time: float | None, advance: int | None, layers: int = 1) -> Segment:
    kv = tuple(torch.randn(H, positions.shape[1], D) for _ in range(layers))
    return Segment(kv, kv, positions, time, advance, index=-1 if time is None else int(time))


def line(n: int, axes: int) -> Tensor:
    return torch.arange(n).expand(axes, n)


def stream(
    text: int, grids: Sequence[tuple[int, int]], advance: int | None, layers: int = 1
) -> list[Segment]:
    """Return `text` tokens, then frames of so many rows and columns, for M-RoPE."""
    opening = [read(line(text, 3), None, None, layers)] if text else []
    frames = [
        read(grid_positions(*grid), float(i), advance, layers) for i, grid in enumerate(grids)
    ]
    return opening + frames


def at_hand(segments: Sequence[Segment], advance: int | None = None) -> Stored:
    return Row(segments, Plain(3), advance).stored(0, QUERY, H)


grids = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=8)
advances = st.one_of(st.none(), st.integers(1, 4))


@given(grids, st.integers(0, 4), advances, st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_recalled_stands_where_it_stood_at_hand(
    sizes: list[tuple[int, int]], text: int, advance: int | None, video: bool, data: st.DataObject
) -> None:
    """M-RoPE, frames of one video or pictures; the new tokens a frame more, or text."""
    segments = stream(text, sizes, advance)
    first = data.draw(st.integers(0, len(segments)))
    last = data.draw(st.integers(first, len(segments)))
    new = advance if video else None
    chosen = Chosen(first, [[s.part(0) for s in segments[first:last]]])
    row = Row(segments[:first] + segments[last:], Plain(3), new, chosen)
    ours, expected = row.stored(0, QUERY, H), at_hand(segments, new)
    assert ours.tokens == expected.tokens
    assert ours.origin.tolist() == expected.origin.tolist()
    assert ours.rotary is not None
    assert expected.rotary is not None
    assert torch.equal(ours.rotary.cos, expected.rotary.cos)
    keys = [torch.cat([part.keys for part in one.parts], 1) for one in (ours, expected)]
    assert torch.equal(*keys)


def test_new_text_starts_one_past_the_largest_position_of_any_axis() -> None:
    """The frames reach further in space, 2 + 5, than in time, 2 + 3."""
    segments = stream(2, [(5, 1)] * 3, advance=1)
    chosen = Chosen(1, [[segments[1].part(0)]])
    row = Row([segments[0], *segments[2:]], Plain(3), None, chosen)
    assert row.stored(0, QUERY, H).origin.tolist() == [[7]] * 3


def test_each_layer_may_see_another_number_of_tokens() -> None:
    text, one, two, newest = stream(3, [(1, 2), (2, 2), (1, 1)], advance=None, layers=3)
    layers = [[one.part(0)], [], [one.part(2), two.part(2)]]
    row = Row([text, newest], Plain(3), None, Chosen(1, layers))
    for layer, seen in enumerate([[text, one, newest], [text, newest], [text, one, two, newest]]):
        stored = row.stored(layer, QUERY, H)
        placed = place(seen, 3)
        assert stored.tokens == placed.positions.shape[1]
        assert stored.origin.tolist() == placed.end.next(None).tolist()
        assert stored.rotary is not None
        assert torch.equal(stored.rotary.cos, placed.positions.T)


def test_layers_that_see_the_same_share_their_rotation() -> None:
    segments = stream(3, [(1, 2), (2, 2), (1, 1)], advance=None, layers=3)
    rope = Plain(3)
    row = Row(segments, rope, None)
    tables = [row.stored(layer, QUERY, H).rotary for layer in range(3)]
    assert rope.asked == 1
    assert tables[0] is tables[1] is tables[2]


def test_an_empty_row_has_no_rotation_and_starts_at_zero() -> None:
    stored = Row([], Plain(3)).stored(0, QUERY, H)
    assert (stored.parts, stored.rotary, stored.tokens) == ([], None, 0)
    assert stored.origin.tolist() == [[0]] * 3


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(0, 3), st.data())
@settings(max_examples=40, deadline=None)
def test_heads_that_hold_different_tokens_stand_where_each_of_theirs_did(
    sizes: list[int], text: int, data: st.DataObject
) -> None:
    """A token keeps its place in its frame, whatever the other heads hold."""
    frames = [read(line(n, 1), float(i), None) for i, n in enumerate(sizes)]
    total = sum(sizes[:-1])
    k = data.draw(st.integers(1, total))
    some = st.lists(st.integers(0, total - 1), min_size=k, max_size=k, unique=True)
    at = torch.tensor([sorted(data.draw(some)) for _ in range(H)])
    old = segment_of([bag(frames[:-1], 0).take(at)])
    opening = [read(line(text, 1), None, None)] if text else []
    stored = Row([*opening, old, frames[-1]], Plain(1)).stored(0, QUERY, H)
    left = sorted({int(f) for f in bag(frames[:-1], 0).origin.frame.gather(1, at).flatten()})
    starts = {f: text + sum(sizes[g] for g in left if g < f) for f in left}
    assert stored.rotary is not None
    positions = stored.rotary.cos[:, 0].reshape(H, -1)
    every = [(f, cell) for f, n in enumerate(sizes[:-1]) for cell in range(n)]
    reach = max(starts[f] + cell + 1 for f, cell in (every[i] for i in at.flatten().tolist()))
    assert reach <= text + sum(sizes[f] for f in left)
    for head in range(H):
        tokens = [every[i] for i in at[head].tolist()]
        expected = [*range(text), *(starts[f] + cell for f, cell in tokens)]
        assert positions[head].tolist() == [*expected, *range(reach, reach + sizes[-1])]
    assert stored.origin.tolist() == [[reach + sizes[-1]]]


@pytest.mark.parametrize("h", [1, 2, 3])
def test_heads_rotated_each_at_its_own_positions_equal_one_by_one(h: int) -> None:
    rope = tiny.decoder().rope
    x = torch.randn(h, 5, tiny.WIDTH // 4)
    at = torch.randint(0, 50, (1, h, 5))
    ours = rotate(rope, x, rope.table(at.flatten(1)))
    for head in range(h):
        alone = rope.rotate(x[head : head + 1], rope.table(at[:, head]))[0]
        torch.testing.assert_close(ours[head], alone)
    if h > 1:
        same = at[:, 0]
        assert torch.equal(rotate(rope, x, rope.table(same)), rope.rotate(x, rope.table(same)))
