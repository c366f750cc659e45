"""The stored part of a context: [head | parts chosen for a layer | tail], and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from longwatch.memory.segment import Cursor, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Recall, Rope, Rotary
    from longwatch.memory.segment import Part, Segment


class Stored(NamedTuple):
    """What one layer sees before the new tokens."""

    parts: list[Part]
    rotary: Rotary | None  # of all their tokens; None where there are none
    tokens: int
    origin: Tensor  # (a, 1) int64: where new tokens start


class Row:
    """Lays segments out for each layer; layers that see the same share their rotations.

    What `recall` chooses for a layer stands between the segments that `recall` calls the head
    and those that it calls the tail. Without it every layer sees all segments.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        rope: Rope,
        advance: int | None = None,  # of the tokens to come, see `place`
        recall: Recall | None = None,
    ) -> None:
        self._rope = rope
        self._advance = advance
        self._recall = recall
        self._head, self._tail = (tuple(segments), ()) if recall is None else recall.split(segments)
        self._uneven = any(s.kept is not None for s in (*self._head, *self._tail))
        axes = rope.axes
        self._front, self._after_head = place(self._head, axes)
        self._back, self._end = place(self._tail, axes)
        # One past the largest position of the tail, an axis each: recall moves them apart.
        self._reach = self._back.amax(1, keepdim=True) + 1 if self._tail else self._back
        self._rotary: tuple[Tensor, Rotary] | None = None  # of the layer before

    def stored(self, layer: int, query: Tensor, h: int) -> Stored:
        """Return what `layer` sees, given the query of its first pass, (heads, n, d)."""
        chosen = [] if self._recall is None else self._recall.choose(layer, query)
        head = [s.part(layer) for s in self._head]
        tail = [s.part(layer) for s in self._tail]
        parts = [*head, *chosen, *tail]
        count = sum(part.keys.shape[1] for part in parts)
        uneven = self._uneven or any(part.positions.ndim == 3 for part in chosen)
        if uneven:
            at, end = _uneven(parts, h, self._rope.axes)
        else:
            at, end = self._even(chosen)
        rotary = self._table(at) if count else None
        return Stored(parts, rotary, count, end.next(self._advance))

    def _even(self, chosen: Sequence[Part]) -> tuple[Tensor, Cursor]:
        """Return positions, (a, m), by moving the tail, which is placed once for all layers."""
        middle, cursor = place(chosen, self._rope.axes, self._after_head)
        if not self._tail:
            return torch.cat([self._front, middle], 1), cursor
        moved = cursor.next(self._tail[0].advance)
        end = self._end
        top = max(cursor.top, int((self._reach + moved).max()))
        return (
            torch.cat([self._front, middle, self._back + moved], 1),
            Cursor(end.start + moved, top, end.advance),
        )

    def _table(self, at: Tensor) -> Rotary:
        """Return the rotation for positions (a, m) or (a, h, m); its rows are those flattened."""
        if self._rotary is None or not torch.equal(self._rotary[0], at):
            self._rotary = at, self._rope.table(at.flatten(1))
        return self._rotary[1]


def _uneven(parts: Sequence[Part], h: int, axes: int) -> tuple[Tensor, Cursor]:
    """Return positions, (a, h, m), where the heads of some part differ."""
    cursor, placed = Cursor.begin(axes), []
    for part in parts:
        start = cursor.next(part.advance)
        at = (
            part.positions
            if part.positions.ndim == 3
            else part.positions[:, None].expand(-1, h, -1)
        )
        placed.append(at + start[..., None])
        cursor = cursor.past(part)
    return torch.cat(placed, 2), cursor


def rotate(rope: Rope, x: Tensor, rotary: Rotary) -> Tensor:
    """Return `x`, (h, m, d), rotated by a table for (m,) or for (h * m,) positions."""
    h, m, d = x.shape
    if rotary.cos.shape[0] == m:
        return rope.rotate(x, rotary)
    return rope.rotate(x.reshape(1, h * m, d), rotary).reshape(h, m, d)
