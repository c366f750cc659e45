"""What one answer needs of the blocks that are on disk alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.tier import Tier

    Found = list[tuple[int, Tensor | None]]  # rows, (L, B) uint8, by id; None: not to be read


class Disk(Protocol):
    """Where blocks are besides, and how much RAM they may take."""

    own: int  # bytes of blocks in RAM that it may have at most
    limit: int  # and that it may have now, as others have some
    end: int  # blocks with smaller ids are safe on disk; another thread raises it

    def fetch(self, ids: Sequence[int], done: Callable[[Found], None]) -> None:
        """Read the rows of blocks, on another thread, and call `done` there; return at once."""
        ...


class Need:
    """The blocks that one answer recalls: they stay in RAM until it has read them.

    An answer cannot know what it recalls before its own queries are there. So it is read with the
    blocks at hand; if some were missing, these are asked for and it is read again when they are
    there. The first layer is right the first time, the second one then, and so on: each time more
    blocks are held, so it ends, mostly after one time.
    """

    def __init__(self, tier: Tier, disk: Disk, landing: Callable[[Found], None]) -> None:
        """Begin with none; `landing` puts what was read into RAM."""
        self.ids: set[int] = set()  # of all that was looked at
        self.away: set[int] = set()  # of those that were missing
        self._tier, self._disk, self._landing = tier, disk, landing
        self._found: Found | None = None

    @property
    def ready(self) -> bool:
        """Tell whether what was asked for is there; from any thread."""
        return self._found is not None

    def at_hand(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of `ids` that are in RAM, and note the rest."""
        here = self._tier.slots(ids) >= 0
        self.ids.update(ids.tolist())
        self.away.update(ids[~here].tolist())
        return ids[here]

    def met(self) -> bool:
        """Tell whether nothing was missing, so that nothing is needed any more."""
        if self.away:
            return False
        self._tier.touch(self.ids)
        self.close()
        return True

    def ask(self, call: Callable[[], None]) -> None:
        """Begin to read what was missing; `call` is called on another thread when it is there."""

        def done(found: Found) -> None:
            self._found = found
            call()

        self._found = None
        self._disk.fetch(sorted(self.away), done)

    def land(self) -> None:
        """Put what was read into RAM, right before the answer is read again."""
        if self._found is not None:
            self._landing(self._found)
        self._found = None
        self.away.clear()

    def close(self) -> None:
        """Hold nothing any more. Again does nothing."""
        self._tier.drop(self)
