"""The context of one read or one answer: what is stored, then new tokens, in one buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import pad

from longwatch.memory.attention import causal, packed
from longwatch.memory.base import Step
from longwatch.memory.row import Row, rotate
from longwatch.memory.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.base import Recall, Rope, Rotary
    from longwatch.memory.gaze import Gaze

ROOM = 1024  # new tokens that a buffer begins with room for; twice as many whenever it is full


@dataclass(slots=True, eq=False)
class Buffer:
    """One layer's keys, rotated, and values: what is stored, then what is new."""

    keys: Tensor  # (h, stored + room, d)
    values: Tensor
    stored: int
    origin: Tensor  # (a, 1) int64
    times: list[tuple[NDArray[np.float64] | float, int]]  # of stored frames, and of how many tokens


class Context(Step):
    """[segments and what was recalled | new tokens], for as many passes as the new tokens take.

    A layer's buffer is made in its first pass, when the query is at hand: that query decides what
    is recalled, stored keys are rotated once, and new ones are appended, up to `room` of them.
    What is appended is private to this context, so any number of contexts may stand on the same
    segments.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        rope: Rope,
        *,
        room: int,
        advance: int | None = None,  # of the new tokens, see `place`
        recall: Recall | None = None,
    ) -> None:
        self.rope = rope
        self.room = room
        self.advance = advance
        self.recall = recall
        self.gaze: Gaze | None = None  # who wants to know where the last token looked
        self.length = 0  # new tokens so far, those of the running pass included
        self._row = Row(segments, rope, advance, recall)
        self._buffers: dict[int, Buffer] = {}
        self._start = 0  # new tokens before the running pass
        self._positions: Tensor | None = None  # of the running pass
        self._rotaries: dict[tuple[int, ...], Rotary] = {}  # of the running pass, by origin
        self._masks: dict[int, Tensor | None] = {}  # of the running pass, by tokens attended to

    @property
    def stored(self) -> int:
        """Tokens in front of the new ones, in the layer that sees most; 0 before the first pass."""
        return max((buffer.stored for buffer in self._buffers.values()), default=0)

    def keys(self, layer: int) -> Tensor:
        """Return a layer's keys, (h, m, d), rotated: what is stored, then what was read."""
        buffer = self._buffers[layer]
        return buffer.keys[:, : buffer.stored + self.length]

    def times(self, layer: int) -> NDArray[np.float64]:
        """Return (stored,) the times, in seconds, of the frames of stored tokens; NaN of text."""
        every = (np.broadcast_to(times, n) for times, n in self._buffers[layer].times)
        return np.concatenate([*every, np.empty(0)])

    def begin(self, positions: Tensor) -> None:  # noqa: D102
        self._start, self.length = self.length, self.length + positions.shape[1]
        if self.length > self.room:
            raise ValueError(f"a context with room for {self.room} tokens got {self.length}")
        self._positions = positions.cpu()
        self._rotaries, self._masks = {}, {}

    def rewind(self, length: int) -> None:
        """Forget all new tokens but the first `length`, because a pass failed on its way."""
        self.length = length

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        at = self.places(layer, query, key)
        origin = tuple(at[:, 0].tolist())
        if origin not in self._rotaries:
            self._rotaries[origin] = self.rope.table(at)
        rotary = self._rotaries[origin]
        query, key = self.rope.rotate(query, rotary), self.rope.rotate(key, rotary)
        return self.look(layer, query, key, value, scale)

    def places(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Return the positions, (a, n) int64, of the running pass's tokens in `layer`.

        `query` is (heads, n, d), `key` is (h, n, d), both un-rotated; in a layer's first pass
        they decide what is recalled, and so where new tokens stand.
        """
        if self._positions is None:
            raise RuntimeError("`begin` announces a pass before its layers attend")
        return self._positions + self._buffer(layer, query, key).origin

    def look(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Append what is new and attend to all there is, as `attend` does, after `places`.

        `query` and `key` are rotated.
        """
        buffer = self._buffers[layer]
        start, end = buffer.stored + self._start, buffer.stored + self.length
        buffer.keys[:, start:end] = key
        buffer.values[:, start:end] = value
        keys, values = buffer.keys[:, :end], buffer.values[:, :end]
        if end not in self._masks:
            self._masks[end] = causal(query, keys)
        if self.gaze is not None:
            self.gaze.note(layer, query, scale, end)
        return packed(query, keys, values, scale, self._masks[end])

    def _buffer(self, layer: int, query: Tensor, like: Tensor) -> Buffer:
        """Return the layer's keys and values, with space for the running pass."""
        buffer = self._buffers.get(layer) or self._assemble(layer, query, like)
        room = buffer.keys.shape[1] - buffer.stored
        if room < self.length:
            more = min(self.room, max(self.length, 2 * room)) - room
            buffer.keys = pad(buffer.keys, (0, 0, 0, more))
            buffer.values = pad(buffer.values, (0, 0, 0, more))
        self._buffers[layer] = buffer
        return buffer

    def _assemble(self, layer: int, query: Tensor, like: Tensor) -> Buffer:
        h, _, d = like.shape
        parts, rotary, count, origin = self._row.stored(layer, query, h)
        keys = like.new_empty(h, count + min(self.room, max(self.length, ROOM)), d)
        values = torch.empty_like(keys)
        if rotary is not None:
            stored = torch.cat([part.keys for part in parts], 1)
            keys[:, :count] = rotate(self.rope, stored, rotary)
            torch.cat([part.values for part in parts], 1, out=values[:, :count])
        times = [(part.times, part.keys.shape[1]) for part in parts]
        return Buffer(keys, values, count, origin, times)


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
        traced: bool = False,
        recall: Recall | None = None,
        spare: int = 0,  # further tokens that pass through it and are not part of the segment
    ) -> None:
        self.tokens = positions.shape[1]  # of the segment
        room = self.tokens + spare
        super().__init__(segments, rope, room=room, advance=advance, recall=recall)
        self.positions = positions
        self.time = time
        self._traced = traced
        self._keys: list[list[Tensor]] = []  # a layer, a pass
        self._values: list[list[Tensor]] = []
        self._queries: list[list[Tensor]] = []

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        for kept, new in ((self._keys, key), (self._values, value), (self._queries, query)):
            while len(kept) <= layer:
                kept.append([])
            if new is not query or self._traced:
                kept[layer].append(new)
        return super().attend(layer, query, key, value, scale)

    def segment(self) -> Segment:
        """Return what was read; every token must have been passed through every layer."""
        read = {sum(part.shape[1] for part in layer) for layer in (*self._keys, *self._values)}
        if read != {self.tokens}:
            raise ValueError(f"{self.tokens} tokens were announced and {sorted(read)} were read")
        return Segment(
            keys=tuple(torch.cat(parts, 1) for parts in self._keys),
            values=tuple(torch.cat(parts, 1) for parts in self._values),
            positions=self.positions.cpu(),
            time=self.time,
            advance=self.advance,
        )

    def queries(self) -> tuple[Tensor, ...]:
        """Return the queries of what was read, (heads, n, d) a layer, un-rotated; none untraced."""
        return tuple(torch.cat(parts, 1) for parts in self._queries if parts)
