"""One stream's sealed blocks: where they are, what finds them, and how they grow old."""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import pad

from longwatch.memory.arena import Arena
from longwatch.memory.sealed import Sealed, Shape, tokens_of_frame
from longwatch.memory.table import Table, Tokens
from longwatch.memory.thinning import salience, strongest
from longwatch.memory.view import Lease, View
from longwatch.retrieval import RETRIEVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.seal import Sealing
    from longwatch.memory.segment import Segment
    from longwatch.retrieval import Retriever, Scorer


@dataclass(slots=True)
class _Rung:
    arena: Arena
    ids: deque[int] = field(default_factory=deque)  # oldest first


class Archive:
    """Seals frames into blocks and lets blocks grow old; one thread, the model's, uses it.

    Args:
        sealing: its settings.
        scorer: what the keys of a block become for those who search.
        shape: of the keys that come.
        block_tokens: most tokens of a block.
        told: gets each block that is stored, and a list of ids each time blocks are let go.
    """

    def __init__(
        self,
        sealing: Sealing,
        scorer: Scorer,
        shape: Shape,
        block_tokens: int,
        told: Callable[[Sealed | list[int]], None] | None = None,
    ) -> None:
        self.sealing, self.scorer = sealing, scorer
        self.shape, self.block_tokens = shape, block_tokens
        self.tokens = 0  # stored
        self.told = told
        self._block = shape.heads, shape.width, block_tokens
        self._table = Table(block_tokens, shape.axes)
        make = RETRIEVERS[sealing.retriever]
        self.index: list[Retriever] = [make(shape.heads * shape.width) for _ in range(shape.layers)]
        self._rungs = [
            _Rung(Arena(shape.layers, rung.codec.row_bytes(*self._block), device=shape.device))
            for rung in sealing.rungs
        ]
        self._dead = np.zeros(0, np.bool_)
        self._lease = Lease()
        self._released: deque[tuple[list[int], list[tuple[int, int]]]] = deque()  # seen by nobody
        self._kept: dict[int, NDArray[np.int64]] = {}  # tokens to seal of waiting frames, by index
        self._last: Segment | None = None  # the frame before the next to be thinned

    @property
    def nbytes(self) -> int:
        """Bytes that it really takes: blocks, the keys that find them, and the table."""
        arenas = sum(rung.arena.nbytes for rung in self._rungs)
        return arenas + self._table.nbytes + sum(index.nbytes for index in self.index)

    def rungs(self) -> list[tuple[int, int]]:
        """Return, for each rung, how many blocks it holds and how many bytes these take."""
        return [(len(rung.ids), rung.arena.used_bytes) for rung in self._rungs]

    def view(self) -> View | None:
        """Return what is held now, or None where nothing is."""
        oldest = next((rung.ids[0] for rung in reversed(self._rungs) if rung.ids), None)
        if oldest is None:
            return None
        table = self._table
        first = float(table.rows.time[oldest - table.base, 0])
        return View(self, table.rows, table.base, table.end, self._dead, self._lease, first)

    def seal(self, frames: Sequence[Segment]) -> int:
        """Seal as many of the oldest `frames` as fill whole blocks; return how many."""
        self._free()
        done = 0
        while count := self._fill(frames[done:]):
            self._seal(frames[done : done + count])
            done += count
        return done

    def read(self, layer: int, ids: NDArray[np.int64], view: View) -> tuple[Tensor, Tensor]:
        """Return the keys and values, (h, b * T, d), of blocks in the order of time."""
        at = ids - view.base
        rungs, slots = view.rows.rung[at], view.rows.slot[at]
        found = []
        for rung in dict.fromkeys(rungs.tolist()):  # older blocks are on later rungs
            here = torch.from_numpy(slots[rungs == rung])
            rows = self._rungs[rung].arena.gather(layer, here)
            codec = self.sealing.rungs[rung].codec
            found.append(codec.decode(rows, *self._block, self.shape.dtype))
        keys, values = (
            torch.cat(x).transpose(0, 1).flatten(1, 2) for x in zip(*found, strict=True)
        )
        return keys, values

    def restore(self, block: Sealed) -> None:
        """Take a block that was stored before; blocks come in the order of their ids."""
        if not self._table.end:
            self._table.skip(block.id)
        self._store(block.rung, block.tokens, block.rows, block.vectors)

    def _fill(self, frames: Sequence[Segment]) -> int:
        """Return how many of the oldest frames fill a block, 0 if all together do not yet."""
        total = 0
        for i, frame in enumerate(frames):
            n = len(self._keep(frame))
            if i and total + n > self.block_tokens:
                return i
            total += n
            if total >= self.block_tokens:
                return i + 1
        return 0

    def _keep(self, frame: Segment) -> NDArray[np.int64]:
        """Return which tokens of a waiting frame are to be sealed."""
        if frame.index not in self._kept:
            thinning = self.sealing.thinning
            kept = np.arange(len(frame)) if thinning is None else thinning.keep(frame, self._last)
            self._kept[frame.index] = kept
            self._last = frame
        return self._kept[frame.index]

    def _seal(self, frames: Sequence[Segment]) -> None:
        """Seal frames as one block, or a frame that is larger as several."""
        kept = [self._kept.pop(frame.index) for frame in frames]
        tokens = Tokens.joined(
            [tokens_of_frame(f).take(k) for f, k in zip(frames, kept, strict=True)]
        )
        at = [torch.from_numpy(k).to(self.shape.device) for k in kept]
        keys, values = (
            torch.cat([torch.stack(kv)[:, :, k] for kv, k in zip(parts, at, strict=True)], 2)
            for parts in ([f.keys for f in frames], [f.values for f in frames])
        )
        for first in range(0, len(tokens), self.block_tokens):
            some = slice(first, first + self.block_tokens)
            part = tokens.take(np.arange(len(tokens))[some])
            self._put(0, part, keys[:, :, some], values[:, :, some])
        self._age()

    def _put(self, rung: int, tokens: Tokens, keys: Tensor, values: Tensor) -> None:
        """Store a block of keys and values, (L, h, n, d), on a rung."""
        n = len(tokens)
        full = [pad(x, (0, 0, 0, self.block_tokens - n)) for x in (keys, values)]
        lengths = torch.full((self.shape.layers,), n)
        rows = self.sealing.rungs[rung].codec.encode(full[0], full[1], lengths)
        weight = salience(keys, values)
        vectors = tuple(self.scorer.vectors(k.float(), weight) for k in keys)
        self._store(rung, tokens, rows, vectors)

    def _store(self, rung: int, tokens: Tokens, rows: Tensor, vectors: tuple[Tensor, ...]) -> None:
        slot = int(self._rungs[rung].arena.put(rows[:, None])[0])
        block = self._table.add(rung, slot, tokens)
        for index, found_by in zip(self.index, vectors, strict=True):
            index.add([block], found_by[None])
        self._rungs[rung].ids.append(block)
        self.tokens += len(tokens)
        if self.told is not None:
            self.told(Sealed(block, rung, tokens, rows, vectors))

    def _age(self) -> None:
        """Let the oldest blocks of each rung that is over its limit go down, or go."""
        for number, (rung, settings) in enumerate(
            zip(self._rungs, self.sealing.rungs, strict=True)
        ):
            size = self.shape.layers * settings.codec.row_bytes(*self._block)
            while settings.max_bytes is not None and len(rung.ids) * size > settings.max_bytes:
                if number + 1 == len(self._rungs):
                    self._let_go([rung.ids.popleft()])
                elif len(rung.ids) < 2:
                    break
                else:
                    self._merge(number, [rung.ids.popleft(), rung.ids.popleft()])

    def _merge(self, rung: int, pair: list[int]) -> None:
        """Put two neighbours on the next rung as one block, with half of their tokens."""
        view = self.view()
        if view is None:
            return
        ids = np.array(pair)
        tokens, index = view.tokens(ids)
        at = torch.from_numpy(index).to(self.shape.device)
        layers = [self.read(layer, ids, view) for layer in range(self.shape.layers)]
        keys, values = (torch.stack(kv)[:, :, at] for kv in zip(*layers, strict=True))
        kept = strongest(salience(keys, values), max(1, len(tokens) // 2))
        chosen = kept.to(self.shape.device)
        self._put(rung + 1, tokens.take(kept.numpy()), keys[:, :, chosen], values[:, :, chosen])
        self._let_go(pair)

    def _let_go(self, ids: list[int]) -> None:
        """Hide blocks from views to come; free them when no view is left that sees them."""
        dead = np.zeros(self._table.end, np.bool_)
        dead[: len(self._dead)] = self._dead
        dead[ids] = True
        self._dead = dead
        rows, at = self._table.rows, np.array(ids) - self._table.base
        self.tokens -= int(rows.length[at].sum())
        slots = list(zip(rows.rung[at].tolist(), rows.slot[at].tolist(), strict=True))
        old, self._lease = self._lease, Lease()
        old.after = self._lease
        weakref.finalize(old, self._released.append, (ids, slots))
        if self.told is not None:
            self.told(ids)

    def _free(self) -> None:
        """Free what nobody can see any more."""
        while self._released:
            ids, slots = self._released.popleft()
            for rung, slot in slots:
                self._rungs[rung].arena.free(torch.tensor([slot]))
            for index in self.index:
                index.remove(ids)
        live = [rung.ids[0] for rung in self._rungs if rung.ids]
        if live:
            self._table.trim(min(live))
