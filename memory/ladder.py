"""How old blocks are: which stand on each rung, and how many of them may."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from longwatch.memory.seal import Rung


class Due(NamedTuple):
    """The oldest blocks of a rung that have to age now: a group for the next rung, or one to go."""

    rung: int
    blocks: int
    soon: int  # of the rung, these included, that have to age until all is within its bytes


class Ladder:
    """The ids on each rung, oldest first; later rungs are older. One thread writes.

    Where every rung has a limit, their sum is what counts: nothing ages while there is room, and
    then what is over its share ages first, so that no byte is idle while something fades.
    """

    def __init__(self, rungs: Sequence[Rung], sizes: Sequence[int]) -> None:
        """Begin empty; `sizes` are the bytes of a block on each rung."""
        self.ids: list[deque[int]] = [deque() for _ in rungs]
        self.most_bytes: int | None = None  # of all blocks, if less than the rungs say
        self.sizes = sizes
        self._rungs = rungs
        self._room: int | None = None  # bytes of all blocks before the next one comes
        self._most = self._limits()

    def __iter__(self) -> Iterator[int]:
        """Yield all ids."""
        for ids in self.ids:
            yield from ids

    def bound(self, most_bytes: int) -> None:
        """Let all blocks take at most so many bytes, which rungs share as they share their own."""
        if most_bytes != self.most_bytes:
            self.most_bytes = most_bytes
            self._most = self._limits()

    def oldest(self) -> int | None:
        """Return the oldest id, or None where there is none."""
        return next((ids[0] for ids in reversed(self.ids) if ids), None)

    def newest(self, count: int) -> list[int]:
        """Return up to `count` ids of the newest blocks, in the order of time."""
        every = chain.from_iterable(map(reversed, self.ids))
        return list(islice(every, count))[::-1]

    def firsts(self) -> list[int]:
        """Return the oldest id of each rung that has one."""
        return [ids[0] for ids in self.ids if ids]

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return sum(len(ids) * size for ids, size in zip(self.ids, self.sizes, strict=True))

    def due(self) -> Due | None:
        """Return what has to age next, None where all blocks are within their bytes.

        It is of the youngest rung that is over its share. Where none is, as shares are less than
        two blocks, it is of the youngest that has a group for the next one; else the oldest goes.
        """
        if self._room is not None and self.nbytes <= self._room:
            return None
        held = list(map(len, self.ids))
        last = len(held) - 1
        for rung, count in enumerate(held):
            blocks = self._rungs[rung + 1].group if rung < last else 1
            if count > (most := self._most[rung]) and count >= blocks:
                return self._due(rung, blocks, math.ceil(count - most))
        if self._room is None:
            return None
        groups = [rung.group for rung in self._rungs[1:]]
        pairs = (
            self._due(rung, group, held[rung])
            for rung, group in enumerate(groups)
            if held[rung] >= group
        )
        oldest = (self._due(rung, 1, 1) for rung in reversed(range(last + 1)) if held[rung])
        return next(pairs, None) or next(oldest, None)

    def _due(self, rung: int, blocks: int, over: int) -> Due:
        """Return what is due of a rung that has to lose `over` blocks, or fewer where all do."""
        if self._room is not None:
            over = min(over, math.ceil((self.nbytes - self._room) / self.sizes[rung]))
        return Due(rung, blocks, min(len(self.ids[rung]), blocks * over))

    def drop(self, lost: Collection[int]) -> list[list[int]]:
        """Take ids off their rungs; return those found, by rung."""
        found = []
        for ids in self.ids:
            if some := [block for block in lost if block in ids]:
                for block in some:
                    ids.remove(block)
                found.append(some)
        return found

    def _limits(self) -> list[float]:
        """Return how many blocks of each rung stay; note what all together may take."""
        rungs, most = self._rungs, self.most_bytes
        given = [rung.max_bytes for rung in rungs]
        known = [size for size in given if size is not None]
        whole = sum(known) if len(known) == len(given) else None
        bounds = [size for size in (whole, most) if size is not None]
        least = max(self.sizes)  # one block stays in any case
        self._room = max(least, min(bounds) - least) if bounds else None
        if most is not None:
            shares = known if len(known) == len(given) else [1] * len(given)
            if len(known) < len(given) or sum(known) > most:
                rungs = [
                    replace(rung, max_bytes=max(1, most * share // sum(shares)))
                    for rung, share in zip(rungs, shares, strict=True)
                ]
        return [rung.most(size) for rung, size in zip(rungs, self.sizes, strict=True)]
