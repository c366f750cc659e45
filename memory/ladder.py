"""How old blocks are: which stand on each rung, and how many of them may."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from longwatch.memory.seal import Rung


class Ladder:
    """The ids on each rung, oldest first; later rungs are older. One thread writes."""

    def __init__(self, rungs: Sequence[Rung], sizes: Sequence[int]) -> None:
        """Begin empty; `sizes` are the bytes of a block on each rung."""
        self.ids: list[deque[int]] = [deque() for _ in rungs]
        self.most_bytes: int | None = None  # of all blocks, if less than the rungs say
        self.sizes = sizes
        self._rungs = rungs
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

    def firsts(self) -> list[int]:
        """Return the oldest id of each rung that has one."""
        return [ids[0] for ids in self.ids if ids]

    def over(self, rung: int) -> int:
        """Return how many blocks of a rung have to age together now; 0: it is within its limit."""
        count = 1 if rung + 1 == len(self.ids) else 2
        held = len(self.ids[rung])
        return count if held > self._most[rung] and held >= count else 0

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
        rungs, most = self._rungs, self.most_bytes
        if most is not None:
            given = [rung.max_bytes for rung in rungs]
            known = [size for size in given if size is not None]
            shares = known if len(known) == len(given) else [1] * len(given)
            if len(known) < len(given) or sum(known) > most:
                rungs = [
                    replace(rung, max_bytes=max(1, most * share // sum(shares)))
                    for rung, share in zip(rungs, shares, strict=True)
                ]
        return [rung.most(size) for rung, size in zip(rungs, self.sizes, strict=True)]
