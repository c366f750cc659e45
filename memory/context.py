"""The context of one read or one answer: stored segments, then new tokens, in one buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from longwatch.memory.attention import causal, packed
from longwatch.memory.base import Step
from longwatch.memory.segment import Segment, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Rope

ROOM = 1024  # new tokens that a buffer begins with room for; twice as many whenever it is full


class Context(Step):
    """[segments | new tokens], for as many passes as the new tokens come in.

    A layer's buffer is made in its first pass, when the query is at hand: stored keys are rotated
    once, and new ones are appended, up to `room` of them. What is appended is private to this
    context, so any number of contexts may stand on the same segments.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        rope: Rope,
        *,
        room: int,
        advance: int | None = None,  # of the new tokens, see `place`
    ) -> None:
        self.segments = tuple(segments)
        self.rope = rope
        self.room = room
        self.advance = advance
        stored, self._origin = place(self.segments, rope.axes, advance)
        self.stored = stored.shape[1]  # tokens in front of the new ones
        self.length = 0  # new tokens so far, those of the running pass included
        self._table = rope.table(stored) if self.segments else None
        self._rotary = self._table
        self._buffers: dict[int, tuple[Tensor, Tensor]] = {}
        self._start = 0  # new tokens before the running pass
        self._mask: Tensor | None = None  # of the running pass

    def begin(self, positions: Tensor) -> None:  # noqa: D102
        self._start, self.length = self.length, self.length + positions.shape[1]
        if self.length > self.room:
            raise ValueError(f"a context with room for {self.room} tokens got {self.length}")
        self._rotary = self.rope.table(positions.cpu() + self._origin)
        self._mask = None

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        if self._rotary is None:
            raise RuntimeError("`begin` announces a pass before its layers attend")
        keys, values = self._buffer(layer, key)
        start, end = self.stored + self._start, self.stored + self.length
        keys[:, start:end] = self.rope.rotate(key, self._rotary)
        values[:, start:end] = value
        keys, values = keys[:, :end], values[:, :end]
        rotated = self.rope.rotate(query, self._rotary)
        if self._mask is None:
            self._mask = causal(rotated, keys)
        return packed(rotated, keys, values, scale, self._mask)

    def _buffer(self, layer: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's keys and values, with space for the running pass."""
        keys, values = self._buffers.get(layer) or self._assemble(layer, like)
        room = keys.shape[1] - self.stored
        if room < self.length:
            more = min(self.room, max(self.length, 2 * room)) - room
            keys, values = pad(keys, (0, 0, 0, more)), pad(values, (0, 0, 0, more))
        self._buffers[layer] = keys, values
        return keys, values

    def _assemble(self, layer: int, like: Tensor) -> tuple[Tensor, Tensor]:
        h, _, d = like.shape
        keys = like.new_empty(h, self.stored + min(self.room, max(self.length, ROOM)), d)
        values = torch.empty_like(keys)
        if self._table is not None:
            stored = torch.cat([s.keys[layer] for s in self.segments], 1)
            keys[:, : self.stored] = self.rope.rotate(stored, self._table)
            torch.cat([s.values[layer] for s in self.segments], 1, out=values[:, : self.stored])
        return keys, values


class Draft(Context):
    """A context whose new tokens may become a segment: one frame, or one run of text."""

    def __init__(
        self,
        segments: Sequence[Segment],
        rope: Rope,
        *,
        positions: Tensor,  # (axes, n) int64 of all new tokens, counted from the segment's start
        time: float | None,
        advance: int | None = None,
    ) -> None:
        super().__init__(segments, rope, room=positions.shape[1], advance=advance)
        self.positions = positions
        self.time = time
        self._keys: list[list[Tensor]] = []  # a layer, a pass
        self._values: list[list[Tensor]] = []

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        while len(self._keys) <= layer:
            self._keys.append([])
            self._values.append([])
        self._keys[layer].append(key)
        self._values[layer].append(value)
        return super().attend(layer, query, key, value, scale)

    def segment(self) -> Segment:
        """Return what was read; every token must have been passed through every layer."""
        read = {sum(part.shape[1] for part in layer) for layer in (*self._keys, *self._values)}
        if read != {self.room}:
            raise ValueError(f"{self.room} tokens were announced and {sorted(read)} were read")
        return Segment(
            keys=tuple(torch.cat(parts, 1) for parts in self._keys),
            values=tuple(torch.cat(parts, 1) for parts in self._values),
            positions=self.positions.cpu(),
            time=self.time,
            advance=self.advance,
        )
