"""What learns of all that changes in a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longwatch.memory.archive import Archive
    from longwatch.memory.memory import Snapshot
    from longwatch.memory.sealed import Sealed


class Keeper(Protocol):
    """Learns of all that changes, on the thread that writes the memory; it must not block."""

    def told(self, what: Sealed | list[int]) -> None:
        """Take a block that was stored, or the ids of blocks that were let go."""
        ...

    def commit(self, snapshot: Snapshot, archive: Archive | None) -> None:
        """Take what is held now; the blocks that it sees were told before."""
        ...
