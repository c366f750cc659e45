"""One stream's memory on disk: logs of what is at hand and of the blocks of each rung."""

from __future__ import annotations

import logging
from collections import OrderedDict
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.errors import StorageError
from longwatch.memory.durable.forms import read_block, read_segment, write_block, write_segment
from longwatch.memory.durable.log import FILE_BYTES, Log
from longwatch.memory.durable.pack import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor

    from longwatch.memory.durable.record import Place
    from longwatch.memory.sealed import Sealed
    from longwatch.memory.segment import Segment

log = logging.getLogger(__name__)

SEGMENT, COMMIT, BLOCK = 1, 2, 3  # kinds of records


class Commit(NamedTuple):
    """What a memory held after a frame was read. It counts once it is written."""

    frames: int  # seen
    tokens: int  # seen
    last_time: float | None  # of the newest frame, in seconds on the stream's clock
    written: float  # when it was read, in seconds since 1970
    firsts: list[int]  # the oldest block on each rung; those before it are gone
    end: int  # blocks from here on were not there yet
    archive: dict[str, Any] | None  # what its blocks have in common
    at_hand: list[list[int]]  # first and last number of segments that stand in a row


class Store:
    """The logs of one stream. One thread, the writer's, writes once `load` is through.

    A crash leaves what the last whole `Commit` says. Segments and blocks are written before the
    commit that speaks of them, and let go after the one that does not. The blocks of a rung go
    in the order in which they came, so a commit says all with one number for each rung.
    """

    def __init__(self, folder: Path, rungs: int, *, file_bytes: int = FILE_BYTES) -> None:
        """Open the logs in `folder`, which need not exist yet; an archive has so many `rungs`.

        Raises:
            StorageError: a file is in a format of a later version.
            OSError: a file cannot be read.
        """
        self.noted: Callable[[Commit], None] | None = None  # learns what was written, at a sync
        self._window = Log(folder / "window", file_bytes=file_bytes)
        self._rungs = [Log(folder / f"rung-{i}", file_bytes=file_bytes) for i in range(rungs)]
        self._blocks: list[OrderedDict[int, Place]] = [OrderedDict() for _ in range(rungs)]
        self._segments: dict[int, tuple[Segment, int, Place]] = {}  # by identity
        self._next = 0  # number of the next segment
        self._commit: tuple[Commit, Place] | None = None
        self._rewinds: list[tuple[Log, Place | None]] = []
        self._discarded = False

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(each.nbytes for each in self._logs)

    @property
    def cut(self) -> int:
        """Bytes of unfinished records that were cut off at the start."""
        return sum(each.cut for each in self._logs)

    @property
    def damaged(self) -> int:
        """Stretches of the logs that `load` had to leave out."""
        return sum(each.damaged for each in self._logs)

    def load(self, device: torch.device) -> tuple[Commit, tuple[Segment, ...]] | None:
        """Return the last commit and what was at hand then, or None where there is none.

        `blocks` has the rest. What was written later than that commit is taken off again.
        """
        places: dict[int, Place] = {}
        commits: list[tuple[Commit, Place]] = []
        for record in self._window.records():
            if record.kind == SEGMENT:
                places[record.id] = record.place
            elif record.kind == COMMIT:
                commits.append((Commit(**unpack(record.body)[0]), record.place))
        whole = (c for c in reversed(commits) if all(n in places for n in numbers(c[0])))
        found = next(whole, commits[-1] if commits else None)
        self._rewinds.append((self._window, found and found[1]))
        for _, place in commits:
            if found is None or place != found[1]:
                self._window.release(place)
        wanted = [] if found is None else [n for n in numbers(found[0]) if n in places]
        for number in places.keys() - set(wanted):
            self._window.release(places[number])
        if found is None:
            return None
        segments = []
        for number in wanted:
            segment = read_segment(self._window.read(places[number]), device)
            self._segments[id(segment)] = segment, number, places[number]
            segments.append(segment)
        self._commit, self._next = found, 1 + max(wanted, default=-1)
        return found[0], tuple(segments)

    def blocks(self) -> Iterator[Sealed]:
        """Yield the blocks of the commit that was loaded, by rising id; to be used up."""
        return merge(*map(self._stored, range(len(self._rungs))), key=lambda block: block.id)

    def begin(self) -> None:
        """Take off what came after the commit that was loaded; before anything is written.

        Raises:
            OSError: it could not be done; it may be tried again.
        """
        while self._rewinds:
            each, end = self._rewinds[-1]
            each.rewind(end)
            self._rewinds.pop()

    def rows(self, block: int) -> Tensor | None:
        """Return the rows, (L, B) uint8, of a block that was synced; None: not to be read.

        From any thread.
        """
        for each, mine in zip(self._rungs, self._blocks, strict=True):
            place = mine.get(block)
            if place is not None:
                try:
                    return read_block(block, each.read(place)).rows
                except StorageError as error:
                    log.error("block %d is left out: %s", block, error)
        return None

    def put_blocks(self, blocks: Sequence[Sealed]) -> None:
        """Write blocks, by rising id; those that were written already are left out."""
        for block in () if self._discarded else blocks:
            mine = self._blocks[block.rung]
            if next(reversed(mine), -1) < block.id:
                place = self._rungs[block.rung].append(BLOCK, block.id, write_block(block))
                mine[block.id] = place

    def put_commit(self, commit: Commit, segments: Sequence[Segment]) -> None:
        """Write the `segments` at hand that are new, then `commit`; let go of what it lacks.

        `commit.at_hand` is filled in here. All blocks up to `commit.end` were written before, but
        for those that are gone.
        """
        if self._discarded:
            return
        for segment in segments:
            if id(segment) not in self._segments:
                place = self._window.append(SEGMENT, self._next, write_segment(segment))
                self._segments[id(segment)] = segment, self._next, place
                self._next += 1
        at_hand = [self._segments[id(segment)][1] for segment in segments]
        commit = commit._replace(at_hand=runs(at_hand))
        place = self._window.append(COMMIT, commit.frames, pack(commit._asdict(), []))
        if self._commit is not None:
            self._window.release(self._commit[1])
        self._commit = commit, place
        self._let_go(commit, set(at_hand))

    def sync(self) -> None:
        """Wait until all is on the disk itself; then delete files that nobody needs."""
        if self._discarded:
            return
        for each in reversed(self._logs):  # a commit comes after what it speaks of
            each.sync()
        for each in self._logs:
            each.tidy()
        if self.noted is not None and self._commit is not None:
            self.noted(self._commit[0])

    def discard(self) -> None:
        """Let go of all files, as they will be deleted; what is written later is dropped."""
        self.close()
        self._discarded = True

    def close(self) -> None:
        """Sync and close all files. Again does nothing."""
        for each in self._logs:
            each.close()

    @property
    def _logs(self) -> list[Log]:
        return [self._window, *self._rungs]

    def _let_go(self, commit: Commit, at_hand: set[int]) -> None:
        for key, (_, number, place) in list(self._segments.items()):
            if number not in at_hand:
                self._window.release(place)
                del self._segments[key]
        for each, mine, first in zip(self._rungs, self._blocks, commit.firsts, strict=False):
            while mine and next(iter(mine)) < first:
                each.release(mine.popitem(last=False)[1])

    def _stored(self, rung: int) -> Iterator[Sealed]:
        """Yield the live blocks of a rung, by rising id."""
        each, end = self._rungs[rung], None
        first, stop = (0, 0) if self._commit is None else self._range(self._commit[0], rung)
        for record in each.records():
            if record.id < stop:
                end = record.place
            if not first <= record.id < stop:
                each.release(record.place)
                continue
            try:
                block = read_block(record.id, record.body)
            except StorageError as error:
                log.error("block %d is left out: %s", record.id, error)
                each.release(record.place)
                continue
            self._blocks[rung][record.id] = record.place
            yield block
        self._rewinds.append((each, end))

    def _range(self, commit: Commit, rung: int) -> tuple[int, int]:
        return (commit.firsts[rung], commit.end) if rung < len(commit.firsts) else (0, 0)


def runs(numbers: Sequence[int]) -> list[list[int]]:
    """Return the first and the last of neighbours that count up by one."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def numbers(commit: Commit) -> Iterator[int]:
    """Yield the numbers of the segments at hand, in their order."""
    for first, last in commit.at_hand:
        yield from range(first, last + 1)
