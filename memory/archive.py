"""One stream's sealed blocks: where they are, what finds them, and how they grow old."""

from __future__ import annotations

import math
import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import pad

from longwatch.memory.arena import Arena
from longwatch.memory.sealed import Sealed, Shape, tokens_of_frame
from longwatch.memory.shelf import batches, shelve, unshelve
from longwatch.memory.table import Table, Tokens
from longwatch.memory.thinning import salience, strongest
from longwatch.memory.view import Lease, View
from longwatch.retrieval import RETRIEVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.seal import Rung, Sealing
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
            _rung(rung, shape, rung.codec.row_bytes(*self._block)) for rung in sealing.rungs
        ]
        self._dead = np.zeros(0, np.bool_)
        self._lease = Lease()
        self._released: deque[tuple[list[int], list[tuple[int, int]]]] = deque()  # seen by nobody

    @property
    def _arenas(self) -> list[Arena]:
        return [rung.arena for rung in self._rungs]

    @property
    def nbytes(self) -> int:
        """Bytes that it really takes: blocks, the keys that find them, and the table."""
        arenas = sum(arena.nbytes for arena in self._arenas)
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
            rows = rows.to(self.shape.device, non_blocking=True)
            codec = self.sealing.rungs[rung].codec
            found.append(codec.decode(rows, *self._block, self.shape.dtype))
        keys, values = (
            torch.cat(x).transpose(0, 1).flatten(1, 2) for x in zip(*found, strict=True)
        )
        return keys, values

    def bounds(self) -> tuple[list[int], int]:
        """Return the oldest id on each rung, and the next id, which stands for none."""
        end = self._table.end
        return [rung.ids[0] if rung.ids else end for rung in self._rungs], end

    def stored(self, block: int) -> Sealed:
        """Return a block that was not let go, as `told` got it."""
        return unshelve(block, self._arenas, self._table, self.index, self.shape)

    def restore(self, blocks: Iterable[Sealed], end: int) -> None:
        """Take blocks that were stored before, by rising id; go on with the id `end`."""
        for some in batches(blocks):
            self._shelve(some)
        self._table.skip(end)
        self._dead = np.ones(end, np.bool_)
        self._dead[[block for rung in self._rungs for block in rung.ids]] = False

    def _fill(self, frames: Sequence[Segment]) -> int:
        """Return how many of the oldest frames fill a block, 0 if all together do not yet."""
        total = 0
        for i, frame in enumerate(frames):
            n = len(frame)
            if i and total + n > self.block_tokens:
                return i
            total += n
            if total >= self.block_tokens:
                return i + 1
        return 0

    def _seal(self, frames: Sequence[Segment]) -> None:
        """Seal frames as one block, or a frame that is larger as several."""
        tokens = Tokens.joined(list(map(tokens_of_frame, frames)))
        keys, values = (
            torch.cat([torch.stack(kv) for kv in parts], 2)
            for parts in ([f.keys for f in frames], [f.values for f in frames])
        )
        for at in torch.arange(len(tokens)).split(self.block_tokens):
            self._put(0, tokens.take(at.numpy()), keys[:, :, at], values[:, :, at])
            self._age()

    def _put(self, rung: int, tokens: Tokens, keys: Tensor, values: Tensor) -> None:
        """Store a block of keys and values, (L, h, n, d), on a rung."""
        n = len(tokens)
        full = [pad(x, (0, 0, 0, self.block_tokens - n)) for x in (keys, values)]
        lengths = torch.full((self.shape.layers,), n)
        rows = self.sealing.rungs[rung].codec.encode(full[0], full[1], lengths)
        weight = salience(keys, values)
        vectors = tuple(self.scorer.vectors(k.float(), weight) for k in keys)
        block = Sealed(self._table.end, rung, tokens, rows, vectors)
        self._shelve([block])
        if self.told is not None:
            self.told(block)

    def _shelve(self, blocks: Sequence[Sealed]) -> None:
        shelve(blocks, self._arenas, self._table, self.index)
        for block in blocks:
            self._rungs[block.rung].ids.append(block.id)
            self.tokens += len(block.tokens)

    def _age(self) -> None:
        """Let the oldest blocks of each rung that is over its limit go down, or go."""
        for number, (rung, settings) in enumerate(
            zip(self._rungs, self.sealing.rungs, strict=True)
        ):
            size = self.shape.layers * settings.codec.row_bytes(*self._block)
            while len(rung.ids) > settings.most(size):
                if number + 1 == len(self._rungs):
                    self._let_go([rung.ids.popleft()])
                elif len(rung.ids) < 2:
                    break
                else:
                    self._merge(number)

    def _merge(self, rung: int) -> None:
        """Put a rung's oldest two on the next one as one block, with half of their tokens."""
        view, waiting = self.view(), self._rungs[rung].ids
        if view is None:
            return
        pair = [waiting.popleft(), waiting.popleft()]
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


def _rung(settings: Rung, shape: Shape, row_bytes: int) -> _Rung:
    """Return an empty rung whose arena is no larger than its blocks may be."""
    size = shape.layers * row_bytes
    slots = settings.most(size) + 2  # what was let go is freed a little later
    most = None if math.isinf(slots) else int(slots)
    pinned = shape.device.type == "cuda"
    return _Rung(Arena(shape.layers, row_bytes, pinned=pinned, most=most))
