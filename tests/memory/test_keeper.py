"""Whoever keeps a memory learns of each block before the commit that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from longwatch.memory import Longwatch
from longwatch.memory.memory import Memory
from tests.memory import parts

if TYPE_CHECKING:
    from longwatch.memory.archive import Archive
    from longwatch.memory.keeper import Keeper
    from longwatch.memory.memory import Snapshot
    from longwatch.memory.sealed import Sealed


class Book:
    """Holds the ids of what is stored, and compares them with what each commit shows."""

    def __init__(self) -> None:
        self.live: set[int] = set()
        self.commits = 0

    def told(self, what: Sealed | list[int]) -> None:
        if isinstance(what, list):
            self.live.difference_update(what)
        else:
            self.live.add(what.id)

    def commit(self, snapshot: Snapshot, archive: Archive | None) -> None:
        view = snapshot.view
        shown = set() if view is None else set(np.flatnonzero(view.allowed()).tolist())
        assert shown == self.live
        self.commits += 1


def test_each_commit_and_each_publishing_shows_what_was_told() -> None:
    book = Book()
    keeper: Keeper = book
    policy = Longwatch(window_tokens=8, sinks=0, block_tokens=8, thinning=None, rungs=3)
    memory = Memory(policy, parts.Places())
    memory.keep(keeper)
    for i in range(30):
        memory.put(parts.frame(i, 8))
    assert memory.archive is not None
    before = len(book.live)
    memory.archive.ladder.bound(4000)
    memory.archive.age()
    memory.publish()
    assert book.commits == 31
    assert 0 < len(book.live) < before
