"""What a memory tells of its changes, handed to the thread that writes."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.memory.durable.store import Commit

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.memory.archive import Archive
    from longwatch.memory.durable.store import Store
    from longwatch.memory.durable.writer import Writer
    from longwatch.memory.memory import Snapshot
    from longwatch.memory.sealed import Sealed
    from longwatch.memory.segment import Segment

CHUNK = 8 << 20  # bytes of blocks in one job
HELD = 64 << 20  # bytes of blocks that are kept for the disk besides what the archive has


class _State(NamedTuple):
    commit: Commit
    segments: tuple[Segment, ...]


class Journal:
    """Keeps a stream's store up to date. All on the thread that writes the memory.

    What the writer has no room for waits here: of blocks their ids are enough, as the archive has
    them, and of the rest the newest state. `later` is called with a function when there may be
    room again, from another thread; it has to run that function on the memory's thread.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        later: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._store, self._writer, self._later = store, writer, later
        self._archive: Archive | None = None
        self._blocks: dict[int, Sealed | None] = {}  # not handed over yet; None: ask the archive
        self._held = 0  # bytes of these
        self._state: _State | None = None  # not handed over yet
        self._begun = False

    @property
    def behind(self) -> bool:
        """Tell whether something could not be handed to the writer yet."""
        return bool(self._blocks) or self._state is not None

    def told(self, what: Sealed | list[int]) -> None:  # noqa: D102
        if isinstance(what, list):
            for block in what:
                self._held -= _size(self._blocks.pop(block, None))
        else:
            self._blocks[what.id] = what if self._held < HELD else None
            self._held += _size(self._blocks[what.id])

    def commit(self, snapshot: Snapshot, archive: Archive | None) -> None:  # noqa: D102
        self._archive = archive
        firsts, end = ([], 0) if archive is None else archive.bounds()
        kind = None if archive is None else kind_of(archive)
        seen = snapshot.frames_seen, snapshot.tokens_seen, snapshot.as_of
        commit = Commit(*seen, time.time(), firsts, end, kind, [])
        self._state = _State(commit, snapshot.segments)
        self.save()

    def save(self) -> None:
        """Hand over what waits, as far as there is room."""
        if not self._begun:
            self._begun = self._offer(self._store.begin, 0)
        while self._begun and self._blocks:
            batch, size = self._batch()
            if not self._offer(partial(self._store.put_blocks, batch), size):
                return
            for block in batch:
                self._held -= _size(self._blocks.pop(block.id))
        if self._begun and self._state is not None:
            commit, segments = self._state
            newest = segments[-1].nbytes if segments else 0
            if self._offer(partial(self._store.put_commit, commit, segments), newest):
                self._state = None

    def _batch(self) -> tuple[list[Sealed], int]:
        """Return the oldest blocks that wait, and their size."""
        batch: list[Sealed] = []
        size = 0
        for key, held in self._blocks.items():
            if size >= CHUNK:
                break
            if held is None and self._archive is None:
                raise RuntimeError("blocks come from an archive")
            block = held or self._archive.stored(key)  # type: ignore[union-attr]
            batch.append(block)
            size += _size(block)
        return batch, size

    def _offer(self, job: Callable[[], Any], size: int) -> bool:
        if self._writer.offer(job, size, self._store):
            return True
        if self._later is not None:
            self._writer.when_room(partial(self._later, self.save))
        return False


def kind_of(archive: Archive) -> dict[str, Any]:
    """Return what the blocks of an archive have in common, as JSON can say it."""
    shape = archive.shape
    return {
        "layers": shape.layers,
        "heads": shape.heads,
        "width": shape.width,
        "dtype": str(shape.dtype).removeprefix("torch."),
        "axes": shape.axes,
        "advance": shape.advance,
        "block_tokens": archive.block_tokens,
        "codecs": [rung.codec.signature() for rung in archive.sealing.rungs],
    }


def _size(block: Sealed | None) -> int:
    if block is None:
        return 0
    return int(block.rows.nbytes + sum(vectors.nbytes for vectors in block.vectors))
