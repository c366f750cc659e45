"""The watches as one session sees them: those that it made or follows, and those of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longwatch.serve.realtime import events
from longwatch.serve.realtime.messages import (
    WatchAttach,
    WatchCreate,
    WatchDelete,
    WatchList,
    WatchUpdate,
)
from longwatch.serve.watches.registry import DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from longwatch.serve.realtime.outbox import Outbox
    from longwatch.serve.watches.registry import WatchRegistry
    from longwatch.serve.watches.watch import Watch

WatchEvent = WatchCreate | WatchUpdate | WatchDelete | WatchAttach | WatchList


class Watches:
    """Makes and changes watches for a session, and tells it what they say."""

    def __init__(
        self, table: WatchRegistry, outbox: Outbox, own: Callable[[], Collection[str]]
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._own = own  # the session's streams
        self._followed: set[str] = set()  # watches, by their ids
        self._deleting: str | None = None  # the watch whose end this session is told in a reply
        table.listeners.append(self._hear)

    def close(self) -> None:
        """Hear no more; the watches stay."""
        if self._hear in self._table.listeners:
            self._table.listeners.remove(self._hear)

    def handle(self, event: WatchEvent) -> None:
        """Do what an event asks for; see `WatchRegistry` for what is raised.

        `cause` in the reply is the event's own id, so that a client finds what it asked for.
        """
        match event:
            case WatchCreate():
                made = self._table.create(event.settings())
                self._followed.add(made.id)
                self._say("lw.watch.created", event, watch=made.json())
            case WatchUpdate():
                changed = self._table.update(event.watch_id, event.changes(), paused=event.paused)
                self._say("lw.watch.updated", event, watch=changed.json())
            case WatchDelete():
                self._deleting = event.watch_id
                try:
                    gone = self._table.delete(event.watch_id)
                finally:
                    self._deleting = None
                self._say(DELETED, event, watch_id=gone.id)
            case WatchAttach():
                watch = self._table.get(event.watch_id)
                after = watch.fired if event.after is None else event.after
                for missed in self._table.firings(watch.id, after):
                    self._outbox.put(events.event("lw.watch.fired", **missed))
                self._followed.add(watch.id)
                self._say("lw.watch.attached", event, watch=watch.json())
            case WatchList():
                listed = [watch.json() for watch in self._table.visible()]
                self._say("lw.watch.listed", event, watches=listed)

    def _hear(self, kind: str, watch: Watch, fields: dict[str, Any]) -> None:
        streams = [fields["stream"]] if "stream" in fields else self._own()
        told = kind != DELETED or watch.id != self._deleting
        if told and (
            watch.id in self._followed
            or any(name in self._own() and watch.covers(name) for name in streams)
        ):
            self._outbox.put(events.event(kind, **fields))
        if kind == DELETED:
            self._followed.discard(watch.id)

    def _say(self, kind: str, cause: WatchEvent, **fields: Any) -> None:
        self._outbox.put(events.event(kind, cause=cause.event_id, **fields))
