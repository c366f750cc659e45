"""Watches: standing conditions in words."""

from __future__ import annotations

from typing import Literal

from longwatch.serve.realtime.messages.shapes import Id, Strict
from longwatch.serve.watches.params import WatchChanges, WatchParams


class WatchCreate(WatchParams):
    """Make a watch."""

    type: Literal["lw.watch.create"]
    event_id: Id | None = None


class WatchUpdate(WatchChanges):
    """Change a watch, pause it, or let it go on; an ended one begins again."""

    type: Literal["lw.watch.update"]
    event_id: Id | None = None
    watch_id: Id


class WatchDelete(Strict):
    """Forget a watch."""

    type: Literal["lw.watch.delete"]
    event_id: Id | None = None
    watch_id: Id


class WatchList(Strict):
    """Ask for all watches."""

    type: Literal["lw.watch.list"]
    event_id: Id | None = None
