"""What is kept of many frames says of each token which frame it is from, and stands in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.kept import bag, segment_of
from tests.memory.parts import LAYERS, H, frame

if TYPE_CHECKING:
    from longwatch.memory.kept import Bag
    from longwatch.memory.segment import Segment

Token = tuple[int, int]  # frame, and which of its tokens


def drawn(data: st.DataObject, total: int, k: int) -> torch.Tensor:
    """Return (h, k) rising indices below `total`, others for each head."""
    some = st.lists(st.integers(0, total - 1), min_size=k, max_size=k, unique=True)
    return torch.tensor([sorted(data.draw(some)) for _ in range(H)])


def origins(held: Bag) -> list[list[Token]]:
    """Return where the tokens of each head come from."""
    frames, cells = held.origin.frame.tolist(), held.origin.cell.tolist()
    return [list(zip(*head, strict=True)) for head in zip(frames, cells, strict=True)]


def check(segment: Segment, expected: list[list[list[Token]]], frames: list[Segment]) -> None:
    """Check a segment against the tokens of each layer and head."""
    left = sorted({i for layer in expected for head in layer for i, _ in head})
    starts, end = dict[int, int](), 0
    for i in left:
        starts[i] = end
        end += len(frames[i])
    assert segment.kept is not None
    assert segment.frames == len(left)
    assert (segment.start, segment.time) == (frames[left[0]].time, frames[left[-1]].time)
    assert segment.index == left[-1]
    reach = 0
    for layer, heads in enumerate(expected):
        part = segment.part(layer)
        for h, tokens in enumerate(heads):
            keys = torch.stack([frames[i].keys[layer][h, cell] for i, cell in tokens])
            values = torch.stack([frames[i].values[layer][h, cell] for i, cell in tokens])
            assert torch.equal(part.keys[h], keys)
            assert torch.equal(part.values[h], values)
            places = [starts[i] + cell for i, cell in tokens]
            assert part.positions[0, h].tolist() == places
            reach = max(reach, *(p + 1 for p in places))
        assert segment.times(layer) == [frames[i].time for i, _ in heads[0]]
    assert segment.span.tolist() == [[reach]]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6), st.data())
@settings(max_examples=40, deadline=None)
def test_tokens_taken_twice_over_are_still_known(sizes: list[int], data: st.DataObject) -> None:
    """A cut of some frames, then another of what is left and of later frames."""
    frames = [frame(i, n) for i, n in enumerate(sizes)]
    cut = data.draw(st.integers(1, len(sizes) - 1))
    bags = [bag(frames[:cut], layer) for layer in range(LAYERS)]
    total = sum(sizes[:cut])
    k = data.draw(st.integers(1, total))
    taken = [drawn(data, total, k) for _ in bags]
    first = segment_of([b.take(at) for b, at in zip(bags, taken, strict=True)])
    expected = [
        [[tokens[j] for j in at[h]] for h, tokens in enumerate(origins(b))]
        for b, at in zip(bags, taken, strict=True)
    ]
    assert origins(bags[0])[0] == [(i, cell) for i in range(cut) for cell in range(sizes[i])]
    check(first, expected, frames)

    bags = [bag([first, *frames[cut:]], layer) for layer in range(LAYERS)]
    total = k + sum(sizes[cut:])
    k = data.draw(st.integers(1, total))
    later = [(i, cell) for i in range(cut, len(sizes)) for cell in range(sizes[i])]
    taken = [drawn(data, total, k) for _ in bags]
    second = segment_of([b.take(at) for b, at in zip(bags, taken, strict=True)])
    expected = [
        [[[*heads[h], *later][j] for j in at[h]] for h in range(H)]
        for heads, at in zip(expected, taken, strict=True)
    ]
    check(second, expected, frames)
    assert len(second) == k
    assert second.nbytes == sum(x.nbytes for x in (*second.keys, *second.values))
