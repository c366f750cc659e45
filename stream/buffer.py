"""The bounded buffer between those who bring frames and the thread that reads them."""

from __future__ import annotations

import threading
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from longwatch.errors import ClosedError, ConfigError
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class DropPolicy(StrEnum):
    """What happens when a frame comes and the buffer is full."""

    DROP_OLDEST = "drop_oldest"  # stay close to the present
    DROP_NEWEST = "drop_newest"  # finish what has begun
    BLOCK = "block"  # lose nothing: whoever brings frames waits

    @classmethod
    def parse(cls, name: str) -> DropPolicy:
        """Return the policy called `name`.

        Raises:
            ConfigError: there is no such policy.
        """
        try:
            return cls(name)
        except ValueError:
            raise ConfigError(
                f"there is no drop policy called {name!r}; known: {', '.join(cls)}"
            ) from None


class BoundedQueue(Generic[T]):
    """The last few items, first in first out, from any thread to any thread.

    `on_put` is called after an item was put in, on the thread that did it and outside any lock.
    """

    def __init__(
        self,
        capacity: int = 2,
        policy: str = DropPolicy.DROP_OLDEST,
        *,
        on_put: Callable[[], None] | None = None,
    ) -> None:
        if capacity < 1:
            raise ConfigError(f"a buffer must hold at least 1 item, not {capacity}")
        self.capacity = capacity
        self.policy = DropPolicy.parse(policy)
        self._on_put = on_put
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._dropped = 0
        self._closed = False

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._items)

    @property
    def dropped(self) -> int:
        """How many items were lost because the buffer was full."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, item: T) -> T | None:
        """Put `item` in; return the item that was lost for it, which may be `item` itself.

        Only the policy `block` waits, until there is room.

        Raises:
            ClosedError: the buffer is closed, or was while this waited.
        """
        with self._changed:
            if self.policy is DropPolicy.BLOCK:
                self._changed.wait_for(self._has_room)
            if self._closed:
                raise ClosedError("the buffer is closed; open the stream again before pushing")
            lost = None
            if len(self._items) == self.capacity:
                self._dropped += 1
                if self.policy is DropPolicy.DROP_NEWEST:
                    return item
                lost = self._items.popleft()
            self._items.append(item)
            self._changed.notify_all()
        if self._on_put is not None:
            self._on_put()
        return lost

    def wait_room(self, timeout: float | None = None) -> bool:
        """Wait until an item can be put without losing one; False after `timeout` seconds.

        A closed buffer counts as one with room, so that nobody waits for it.
        """
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout)

    def get(self, timeout: float | None = None) -> T | None:
        """Wait for the oldest item and take it; None after `timeout` seconds or at the end.

        A closed buffer still gives the items that it holds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout)
            return self._take()

    def get_nowait(self) -> T | None:
        """Take the oldest item, or None when there is none."""
        with self._changed:
            return self._take()

    def close(self) -> None:
        """Take no more items and wake everybody who waits. Calling it again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._closed or len(self._items) < self.capacity

    def _take(self) -> T | None:
        if not self._items:
            return None
        item = self._items.popleft()
        self._changed.notify_all()
        return item


class LatestBuffer(BoundedQueue[Frame]):
    """The decoded frames that wait for the model."""
