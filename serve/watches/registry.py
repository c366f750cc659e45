"""The table of all watches: made, changed, forgotten, written down. On the event loop's thread."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longwatch.errors import LimitError, NotFoundError
from longwatch.serve.auth.principal import current
from longwatch.serve.watches.store import GONE, KEPT
from longwatch.serve.watches.watch import Watch
from longwatch.serve.watches.webhooks import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.watches.scheduler import CheckScheduler
    from longwatch.serve.watches.store import WatchStore
    from longwatch.serve.watches.trigger import Trigger
    from longwatch.serve.watches.watch import Firing, Post, WatchSettings

    Listener = Callable[[str, Watch, dict[str, Any]], None]

log = logging.getLogger(__name__)
MOST = 256  # watches
DELETED = "lw.watch.deleted"


class WatchRegistry:
    """All watches by id, kept by a store, if there is one; `scheduler` learns of each change.

    A listener is called with the type of each event (`lw.watch.fired`, `lw.watch.state`,
    `lw.watch.deleted`), the watch and the event's fields.
    """

    def __init__(self, scheduler: CheckScheduler, store: WatchStore | None = None) -> None:
        self.listeners: list[Listener] = []
        self._scheduler, self._store = scheduler, store
        self._watches: dict[str, Watch] = {}
        self._disk = ThreadPoolExecutor(1, "longwatch-watches")
        self.owed: list[Post] = [] if store is None else store.posts()
        """What an earlier process was to post, and had not."""
        told = {} if store is None else store.firings()
        self._firings = {id_: deque(some, KEPT) for id_, some in told.items()}
        self._gone = deque([] if store is None else store.deleted(), GONE)
        for watch, rises in store.load() if store is not None else ():
            self._watches[watch.id] = watch
            scheduler.put(watch, rises)

    async def close(self) -> None:
        """Write down what waits."""
        await asyncio.to_thread(self._disk.shutdown)
        if self._store is not None:
            self._store.close()

    def create(self, settings: WatchSettings) -> Watch:
        """Make a watch.

        Raises:
            InputError: its webhook may not be used.
            LimitError: there are too many (`too_many_watches`).
        """
        if settings.webhook is not None:
            parse_target(settings.webhook.url)
        if len(self._watches) >= MOST:
            raise LimitError(
                f"there are {MOST} watches, which is the limit; delete one first",
                code="too_many_watches",
            )
        watch = Watch(f"watch_{secrets.token_hex(8)}", settings, time.time(), current().streams)
        self.put(watch.at(time.time()))
        return self._watches[watch.id]

    def get(self, watch_id: str) -> Watch:
        """Return a watch.

        Raises:
            NotFoundError: there is none (`watch_not_found`), or not any more (`watch_deleted`).
        """
        found = self._watches.get(watch_id)
        if watch_id in self._gone:
            raise NotFoundError(
                f"the watch {watch_id!r} was deleted; make another one",
                code="watch_deleted",
                param="watch_id",
            )
        if found is None or not found.shown_to(current().streams):
            raise NotFoundError(
                f"there is no watch {watch_id[:80]!r}; list them to see which there are",
                code="watch_not_found",
                param="watch_id",
            )
        return found

    def firings(self, watch_id: str, after: int) -> list[Firing]:
        """Return the firings of a watch with a number above `after` that are kept, oldest first."""
        return [one for one in self._firings.get(watch_id, ()) if one["number"] > after]

    def find(self, watch_id: str) -> Watch | None:
        """Return a watch, whoever made it, if there is such a one."""
        return self._watches.get(watch_id)

    def all(self) -> list[Watch]:
        """Return all watches, whoever made them, oldest first."""
        return list(self._watches.values())

    def visible(self) -> list[Watch]:
        """Return the watches that `current()` may know of, oldest first."""
        return [watch for watch in self.all() if watch.shown_to(current().streams)]

    def update(
        self, watch_id: str, changes: dict[str, Any], *, paused: bool | None = None
    ) -> Watch:
        """Change fields of a watch's settings, or pause it; an ended one begins again.

        Raises:
            NotFoundError: there is no such watch.
            InputError: a field is out of range.
        """
        before = self.get(watch_id)
        settings = replace(before.settings, **changes)
        if settings.webhook is not None:
            parse_target(settings.webhook.url)
        if settings.condition != before.settings.condition:
            self._scheduler.drop(watch_id)
        paused = before.paused if paused is None else paused
        after = replace(before, settings=settings, paused=paused, ended=False)
        self.put(after.at(time.time()))
        self.tell_state(watch_id)
        return self._watches[watch_id]

    def delete(self, watch_id: str) -> Watch:
        """Forget a watch, or raise `NotFoundError`."""
        watch = self.get(watch_id)
        del self._watches[watch_id]
        self._firings.pop(watch_id, None)
        self._gone.append(watch_id)
        self._scheduler.drop(watch_id)
        if self._store is not None:
            self._disk.submit(_careful, self._store.remove, watch_id)
        self.tell(DELETED, watch, {"watch_id": watch_id})
        return watch

    def end_those_over(self) -> None:
        """End the watches whose time is over."""
        now = time.time()
        for watch in self.all():
            if (after := watch.at(now)) is not watch:
                self.put(after)
                self.tell_state(watch.id)

    def put(
        self,
        watch: Watch,
        rises: dict[str, Trigger] | None = None,
        firing: Firing | None = None,
        post: Post | None = None,
    ) -> asyncio.Future[None] | None:
        """Enter a watch, how streams of it stand, its newest firing, and what is posted of that.

        Return what waits for the disk, if anything does.
        """
        self._watches[watch.id] = watch
        self._scheduler.put(watch)
        if firing is not None:
            self._firings.setdefault(watch.id, deque(maxlen=KEPT)).append(firing)
        if self._store is None:
            return None
        copies = {name: replace(rise) for name, rise in (rises or {}).items()}
        write = self._disk.submit(_careful, self._store.put, watch, copies, firing, post)
        return asyncio.wrap_future(write)

    def settle(self, post: Post) -> None:
        """Take in that a post was sent, or given up."""
        if self._store is not None:
            self._disk.submit(_careful, self._store.settle, post.id)

    def tell_state(self, watch_id: str) -> None:
        """Tell the listeners how a watch stands."""
        watch = self._watches[watch_id]
        fields = {"watch_id": watch.id, "state": watch.state, "fired": watch.fired}
        self.tell("lw.watch.state", watch, fields)

    def tell(self, kind: str, watch: Watch, fields: dict[str, Any]) -> None:
        """Tell the listeners of an event."""
        for listener in tuple(self.listeners):
            listener(kind, watch, fields)


def _careful(write: Callable[..., None], *given: Any) -> None:
    """Write to the disk; the watches go on where it does not take it."""
    try:
        write(*given)
    except Exception:
        log.exception("a watch could not be written down")
