"""Watches: standing conditions in words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from longwatch.serve.protocol.validation import Id, Strict
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


class WatchAttach(Strict):
    """Follow a watch as who made it does; first come its firings with a number above `after`."""

    type: Literal["lw.watch.attach"]
    event_id: Id | None = None
    watch_id: Id
    after: Annotated[int, Field(ge=0)] | None = None  # all that are kept: 0; none: null


class WatchList(Strict):
    """Ask for all watches."""

    type: Literal["lw.watch.list"]
    event_id: Id | None = None
