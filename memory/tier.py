"""Which blocks of an archive are in RAM, and which on disk alone."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.arenas import arenas
from longwatch.memory.need import Need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.arena import Arena
    from longwatch.memory.need import Disk, Found
    from longwatch.memory.seal import Sealing
    from longwatch.memory.sealed import Shape

log = logging.getLogger(__name__)

FIRST = 64  # ids that the columns begin with room for; twice as many whenever they are full
NONE, AWAY = -2, -1  # slots of ids that are no blocks, or blocks on disk alone
BATCH = 256  # blocks that are put at once, at most
SLACK = 2  # times the bytes of an arena's blocks: more is given back
AHEAD = 8  # blocks of a rung that are asked for together, at most, when they have to age


class Tier:
    """The rows of an archive's blocks, as far as they are in RAM.

    Over the disk's limit, blocks that are safe there go, the least recently recalled first. They
    stay as long as a `Need` holds them, while every frame sees them, while they wait to age, and
    once they were let go: then the disk may lose them any moment, while a view still sees them. So
    RAM may hold that much, and what the disk has not taken yet, above the limit. All on the
    model's thread.
    """

    def __init__(self, arenas: list[Arena], disk: Disk | None) -> None:
        """Begin empty, with each rung's arena; without `disk` everything stays in RAM."""
        self.arenas, self.disk = arenas, disk
        self._held = [0] * len(arenas)  # blocks in RAM, by rung
        self.lost: set[int] = set()  # ids that could not be read back, while somebody may see them
        self.losses = 0  # of these, ever
        self.away_bytes = [0] * len(arenas)  # of blocks on disk alone, by rung
        self._sizes = np.array([arena.layers * arena.row_bytes for arena in arenas])
        self._base = 0  # id of the first row of the columns
        self._slot = np.full(FIRST, NONE)  # in the rung's arena
        self._rung = np.zeros(FIRST, np.int8)
        self._used = np.zeros(FIRST, np.int64)  # when it was last recalled, in calls of `touch`
        self._now = 0
        self._leaving: set[int] = set()  # let go, and not freed yet
        self._aging: set[int] = set()  # asked for to age
        self._arrived: deque[Found] = deque()  # of those
        self._needs: weakref.WeakSet[Need] = weakref.WeakSet()
        self._near: frozenset[int] = frozenset()  # what every frame sees

    @classmethod
    def of(
        cls, sealing: Sealing, shape: Shape, block: tuple[int, int, int], disk: Disk | None
    ) -> Tier:
        """Return an empty one for blocks of so many heads, channels and tokens."""
        return cls(arenas(sealing, shape, block, None if disk is None else disk.limit), disk)

    @property
    def nbytes(self) -> int:
        """Bytes of RAM of all arenas, and of what is known of each block."""
        columns = self._slot.nbytes + self._rung.nbytes + self._used.nbytes
        return columns + sum(arena.nbytes for arena in self._shared())

    @property
    def used_bytes(self) -> int:
        """Bytes of the blocks in RAM."""
        return sum(arena.used_bytes for arena in self._shared())

    @property
    def batch(self) -> int:
        """Blocks that may be put at once, so that RAM is never much above the limit."""
        if self.disk is None:
            return BATCH
        return max(1, min(BATCH, self.disk.limit // (4 * int(self._sizes.max()))))

    def rung_bytes(self) -> list[int]:
        """Return the bytes of each rung's blocks, of those on disk alone as of those in RAM."""
        here = (held * size for held, size in zip(self._held, self._sizes.tolist(), strict=True))
        return [used + away for used, away in zip(here, self.away_bytes, strict=True)]

    def put(self, rung: int, ids: Sequence[int], rows: Tensor) -> None:
        """Store the rows, (L, b, B) uint8, of new blocks."""
        self._reserve(max(ids) + 1)
        at = np.array(ids) - self._base
        self._slot[at] = self.arenas[rung].put(rows).numpy()
        self._rung[at] = rung
        self._held[rung] += len(at)
        self.touch(ids)

    def slots(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where blocks are in the arenas of their rungs, `AWAY` for those that are not."""
        return self._slot[ids - self._base]

    def touch(self, ids: Iterable[int]) -> None:
        """Note that blocks were recalled."""
        self._now += 1
        self._used[np.fromiter(ids, np.int64) - self._base] = self._now

    def hold(self, ids: Iterable[int]) -> None:
        """Let these blocks, and no longer those of the last call, stay whatever the limit."""
        self._near = frozenset(ids)

    def inherit(self, block: int, parts: Sequence[int]) -> None:
        """Note that a block was made of others: it counts as recalled when the last of them was."""
        self._used[block - self._base] = self._used[np.array(parts) - self._base].max()

    def need(self, landing: Callable[[Found], None]) -> Need | None:
        """Return what one answer needs, none yet; None where everything is in RAM anyway."""
        if self.disk is None:
            return None
        need = Need(self, self.disk, landing)
        self._needs.add(need)
        return need

    def drop(self, need: Need) -> None:
        """Let blocks go that were only there for `need`."""
        self._needs.discard(need)
        self.trim()

    def ready(self, ids: Iterable[int], count: int, most: int) -> bool:
        """Tell whether the first `count` are in RAM; ask for up to `most` where they are not."""
        soon = np.fromiter(islice(ids, min(most, AHEAD)), np.int64)
        away = self.slots(soon) < 0
        if not away[:count].any():
            return True
        new = [i for i in soon[away].tolist() if i not in self._aging]
        if new and self.disk is not None:
            self._aging.update(new)
            self.disk.fetch(new, self._arrived.append)
        return False

    def arrived(self) -> Found:
        """Return what `ready` asked for and is there now."""
        found: Found = []
        while self._arrived:
            found += self._arrived.popleft()
        return found

    def land(self, found: Found) -> list[int]:
        """Put blocks back into RAM; return the ids of those that could not be read."""
        known = (x for x in found if x[0] >= self._base and x[0] not in self.lost)
        # Others may have been quicker, or have no use for a block any more.
        rows = {b: row for b, row in known if self._slot[b - self._base] == AWAY}
        lost = [block for block, row in rows.items() if row is None]
        for rung, arena in enumerate(self.arenas):
            here = [b for b, row in rows.items() if row is not None and self._rung_of(b) == rung]
            if here:
                slots = arena.put(torch.stack([rows[b] for b in here], 1))  # type: ignore[misc]
                self._slot[np.array(here) - self._base] = slots.numpy()
                self._held[rung] += len(here)
                self.away_bytes[rung] -= len(here) * int(self._sizes[rung])
        for block in lost:
            self.away_bytes[self._rung_of(block)] -= int(self._sizes[self._rung_of(block)])
        if lost and not self.losses:
            log.error("a sealed block could not be read back from disk; it is left out from now on")
        self.lost.update(lost)
        self.losses += len(lost)
        return lost

    def leave(self, ids: Sequence[int]) -> None:
        """Note that blocks were let go; who sees them needs them in RAM until they are freed."""
        self._leaving.update(ids)
        self._aging.difference_update(ids)

    def free(self, ids: Sequence[int]) -> None:
        """Forget blocks that nobody sees any more."""
        self._leaving.difference_update(ids)
        at = np.array(ids) - self._base
        self._take(at[self._slot[at] >= 0])
        self._slot[at] = NONE

    def shift(self, first: int) -> None:
        """Forget the ids before `first` that are not still seen, now and then."""
        first = min([first, *self._leaving])
        gone = first - self._base
        if gone > max(FIRST, len(self._slot) // 2):
            self._resize(len(self._slot), gone)
            self._base = first
            self.lost = {block for block in self.lost if block >= first}

    def trim(self) -> None:
        """Let blocks that are safe on disk leave RAM, as far as there are too many."""
        over = 0 if self.disk is None else self.used_bytes - self.disk.limit
        if self.disk is None or over <= 0:
            return
        at = np.flatnonzero(self._slot[: max(0, self.disk.end - self._base)] >= 0)
        stay = self._near.union(self._leaving, self._aging, *(n.ids for n in self._needs))
        at = at[np.isin(at, np.fromiter(stay, np.int64) - self._base, invert=True)]
        at = at[self._used[at].argsort(kind="stable")]
        sizes = self._sizes[self._rung[at]]
        at = at[: int(sizes.cumsum().searchsorted(over)) + 1]
        for rung, size in enumerate(self._sizes.tolist()):
            self.away_bytes[rung] += size * int((self._rung[at] == rung).sum())
        self._take(at)
        self._slot[at] = AWAY

    def pack(self) -> None:
        """Give RAM back where an arena has asked for much more than its blocks need now."""
        for arena in self._shared():
            if arena.nbytes > SLACK * arena.used_bytes + arena.slab_bytes:
                rungs = [rung for rung, its in enumerate(self.arenas) if its is arena]
                at = np.flatnonzero((self._slot >= 0) & np.isin(self._rung, rungs))
                packed, slots = arena.packed(torch.from_numpy(self._slot[at]))
                self.arenas = [packed if its is arena else its for its in self.arenas]
                self._slot[at] = slots.numpy()

    def _shared(self) -> list[Arena]:
        """Return each arena once."""
        return list(dict.fromkeys(self.arenas))

    def _take(self, at: NDArray[np.int64]) -> None:
        """Free the slots of the rows `at`."""
        for rung, arena in enumerate(self.arenas):
            here = at[self._rung[at] == rung]
            if len(here):
                arena.free(torch.from_numpy(self._slot[here]))
                self._held[rung] -= len(here)

    def _rung_of(self, block: int) -> int:
        return int(self._rung[block - self._base])

    def _reserve(self, end: int) -> None:
        """Make room for ids up to `end`."""
        while end - self._base > len(self._slot):
            self._resize(2 * len(self._slot), 0)

    def _resize(self, rows: int, gone: int) -> None:
        count = len(self._slot) - gone
        slot, rung, used = self._slot, self._rung, self._used
        self._slot, self._rung = np.full(rows, NONE), np.zeros(rows, np.int8)
        self._used = np.zeros(rows, np.int64)
        self._slot[:count], self._rung[:count] = slot[gone:], rung[gone:]
        self._used[:count] = used[gone:]
