"""One stream's sealed blocks: where they are, what finds them, and how they grow old."""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import pad

from longwatch.memory.ladder import Ladder
from longwatch.memory.seal import filling
from longwatch.memory.sealed import Sealed, Shape, tokens_of_frame
from longwatch.memory.shelf import batches, shelve, unshelve
from longwatch.memory.table import Table, Tokens
from longwatch.memory.thinning import chosen, salience
from longwatch.memory.tier import Tier
from longwatch.memory.view import Lease, View
from longwatch.retrieval import RETRIEVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.hot import Hot
    from longwatch.memory.ladder import Due
    from longwatch.memory.need import Disk, Found, Need
    from longwatch.memory.seal import Sealing
    from longwatch.memory.segment import Segment
    from longwatch.retrieval import Retriever, Scorer


class Archive:
    """Seals frames into blocks and lets blocks grow old; one thread, the model's, uses it.

    Args:
        sealing: its settings.
        scorer: what the keys of a block become for those who search.
        shape: of the keys that come.
        block_tokens: most tokens of a block.
        told: gets each block that is stored, and a list of ids each time blocks are let go.
        disk: where blocks are besides, if RAM need not hold all.
    """

    def __init__(
        self,
        sealing: Sealing,
        scorer: Scorer,
        shape: Shape,
        block_tokens: int,
        told: Callable[[Sealed | list[int]], None] | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.sealing, self.scorer = sealing, scorer
        self.shape, self.block_tokens = shape, block_tokens
        self.tokens = 0  # stored
        self.told = told
        self.block = shape.heads, shape.width, block_tokens  # see `Codec`
        self._table = Table(block_tokens, shape.axes)
        make = RETRIEVERS[sealing.retriever]
        self.index: list[Retriever] = [make(shape.heads * shape.width) for _ in range(shape.layers)]
        self.grown: Callable[[], None] | None = None  # called after each block that is stored
        self.hot: Hot | None = None  # blocks that answers read a short time ago
        sizes = [shape.layers * rung.codec.row_bytes(*self.block) for rung in sealing.rungs]
        self.ladder = Ladder(sealing.rungs, sizes)
        self.tier = Tier.of(sealing, shape, self.block, disk)
        self._dead = np.zeros(0, np.bool_)
        self._lease = Lease()
        self._released: deque[list[int]] = deque()  # ids that nobody sees

    @property
    def nbytes(self) -> int:
        """Bytes of RAM that it really takes: blocks, the keys that find them, and the table."""
        return self.tier.nbytes + self._table.nbytes + sum(index.nbytes for index in self.index)

    def rungs(self) -> list[tuple[int, int]]:
        """Return, for each rung, how many blocks it holds and how many bytes these take.

        Blocks on disk alone count as those in RAM do.
        """
        return list(zip(map(len, self.ladder.ids), self.tier.rung_bytes(), strict=True))

    def view(self) -> View | None:
        """Return what is held now, or None where nothing is."""
        oldest = self.ladder.oldest()
        if oldest is None:
            return None
        table = self._table
        first = float(table.rows.time[oldest - table.base, 0])
        return View(self, table.rows, table.base, table.end, self._dead, self._lease, first)

    def newest(self) -> list[int]:
        """Return the blocks that a frame sees as it is read, in the order of time; all in RAM."""
        return self.ladder.newest(self.sealing.near // self.block_tokens)

    def seal(self, frames: Sequence[Segment]) -> int:
        """Seal as many of the oldest `frames` as fill whole blocks; return how many."""
        self.trim()
        done = 0
        while count := filling(frames[done:], self.block_tokens):
            self._seal(frames[done : done + count])
            done += count
        return done

    def trim(self) -> None:
        """Free what nobody can see any more; let blocks on disk leave RAM, if there are many."""
        while self._released:
            ids = self._released.popleft()
            self.tier.free(ids)
            if self.hot is not None:
                self.hot.drop(ids)
            for index in self.index:
                index.remove(ids)
        if live := self.ladder.firsts():
            self._table.trim(min(live))
            self.tier.shift(min(live))
        self.tier.trim()

    def need(self) -> Need | None:
        """Return what one answer needs of the disk, nothing yet; None where it has nothing."""
        return self.tier.need(self.land)

    def land(self, found: Found) -> None:
        """Put blocks that were read from disk back into RAM; let go of those that were not."""
        for some in self.ladder.drop(self.tier.land(found)):
            self._let_go(some)

    def read(self, layer: int, ids: NDArray[np.int64], view: View) -> tuple[Tensor, Tensor]:
        """Return the keys and values, (h, b * T, d), of blocks in RAM, in the order of time."""
        if self.hot is None:
            return joined(*view.decoded(layer, ids))
        return joined(*self.hot.read(layer, ids, lambda some: view.decoded(layer, some)))

    def read_all(self, ids: NDArray[np.int64], view: View) -> list[tuple[Tensor, Tensor]]:
        """Return what `read` does, of every layer: decoded at once, but for what is hot."""
        layers = range(self.shape.layers)
        if self.hot is not None:
            return [self.read(layer, ids, view) for layer in layers]
        found = (x.split(len(ids)) for x in view.decoded(None, ids))
        return [joined(keys, values) for keys, values in zip(*found, strict=True)]

    def bounds(self) -> tuple[list[int], int]:
        """Return the oldest id on each rung, and the next id, which stands for none."""
        end = self._table.end
        return [ids[0] if ids else end for ids in self.ladder.ids], end

    def stored(self, block: int) -> Sealed:
        """Return a block that is in RAM and was not let go, as `told` got it."""
        return unshelve(block, self.tier, self._table, self.index, self.shape)

    def restore(self, blocks: Iterable[Sealed], end: int) -> None:
        """Take blocks that were stored before, by rising id; go on with the id `end`."""
        for some in batches(blocks, self.tier.batch):
            self._shelve(some)
            self.tier.trim()
        self._table.skip(end)
        self._dead = np.ones(end, np.bool_)
        self._dead[list(self.ladder)] = False

    def _seal(self, frames: Sequence[Segment]) -> None:
        """Seal frames as one block, or a frame that is larger as several."""
        tokens = Tokens.joined(list(map(tokens_of_frame, frames)))
        keys, values = (
            torch.cat([torch.stack(kv) for kv in parts], 2)
            for parts in ([f.keys for f in frames], [f.values for f in frames])
        )
        for at in torch.arange(len(tokens)).split(self.block_tokens):
            self._put(0, tokens.take(at.numpy()), keys[:, :, at], values[:, :, at])
            self.age()
            if self.grown is not None:
                self.grown()

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
        shelve(blocks, self.tier, self._table, self.index)
        for block in blocks:
            self.ladder.ids[block.rung].append(block.id)
            self.tokens += len(block.tokens)
        self.tier.hold(self.newest())

    def age(self) -> None:
        """Let the oldest blocks of rungs that are over their limits go down, or go."""
        while due := self.ladder.due():
            ids = self.ladder.ids[due.rung]
            if not self._brought(ids, due):
                return
            if due.rung == len(self.ladder.ids) - 1 or due.blocks < self._group(due.rung):
                self._let_go([ids.popleft()])
            else:
                self._merge(due.rung)

    def _brought(self, ids: deque[int], due: Due) -> bool:
        """Tell whether a rung's oldest are in RAM. Else they age, or are forgotten, once read."""
        if not self.tier.ready(ids, due.blocks, due.soon):
            self.land(self.tier.arrived())
        return len(ids) >= due.blocks and self.tier.ready(ids, due.blocks, due.soon)

    def _group(self, rung: int) -> int:
        return self.sealing.rungs[rung + 1].group

    def _merge(self, rung: int) -> None:
        """Put a group of a rung's oldest on the next one, with the share of tokens it keeps."""
        view, waiting = self.view(), self.ladder.ids[rung]
        if view is None:
            return
        group = [waiting.popleft() for _ in range(self._group(rung))]
        ids = np.array(group)
        tokens, index = view.tokens(ids)
        at = torch.from_numpy(index).to(self.shape.device)
        every = zip(*self.read_all(ids, view), strict=True)
        keys, values = (torch.stack(kv)[:, :, at] for kv in every)
        to = self.sealing.rungs[rung + 1]
        kept = chosen(tokens, keys, values, max(1, len(tokens) * to.yields // to.group))
        for some in kept.split(self.block_tokens):
            here = some.to(self.shape.device)
            self._put(rung + 1, tokens.take(some.numpy()), keys[:, :, here], values[:, :, here])
            self.tier.inherit(self._table.end - 1, group)
        self._let_go(group)

    def _let_go(self, ids: list[int]) -> None:
        """Hide blocks from views to come; free them when no view is left that sees them."""
        dead = np.zeros(self._table.end, np.bool_)
        dead[: len(self._dead)] = self._dead
        dead[ids] = True
        self._dead = dead
        rows, at = self._table.rows, np.array(ids) - self._table.base
        self.tokens -= int(rows.length[at].sum())
        self.tier.leave(ids)
        old, self._lease = self._lease, Lease()
        old.after = self._lease
        weakref.finalize(old, self._released.append, ids)
        if self.told is not None:
            self.told(ids)


def joined(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return keys and values of blocks, (b, h, T, d), as one layer's, (h, b * T, d)."""
    return keys.transpose(0, 1).flatten(1, 2), values.transpose(0, 1).flatten(1, 2)
