"""Brings blocks back from disk, away from the model's thread."""

from __future__ import annotations

import logging
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from longwatch.memory.durable.store import Store
    from longwatch.memory.need import Found

log = logging.getLogger(__name__)


class Fetcher:
    """Reads the blocks of one stream's store; what the model's memory knows as its `Disk`.

    It does not wait for what is to be written, so answers go on while the disk takes no writes.
    """

    def __init__(
        self, store: Store, limit: int, run: Callable[[Callable[[], None]], object]
    ) -> None:
        """Bound the blocks in RAM to `limit` bytes; `run` runs a function on another thread."""
        self.own = self.limit = limit
        self.end = 0
        self._store, self._run = store, run

    def fetch(self, ids: Sequence[int], done: Callable[[Found], None]) -> None:  # noqa: D102
        self._run(partial(copy_context().run, self._fetch, ids, done))  # log lines say of what

    def _fetch(self, ids: Sequence[int], done: Callable[[Found], None]) -> None:
        done([(block, self._rows(block)) for block in ids])

    def _rows(self, block: int) -> Tensor | None:
        try:
            return self._store.rows(block)
        except Exception:  # whoever waits must be told
            log.exception("block %d could not be read", block)
            return None
