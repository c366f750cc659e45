"""The newest events of a session, kept so that a client that was cut off can have them again."""

from __future__ import annotations

from collections import deque

MAX_EVENTS = 65_536  # however small they are


class Ring:
    """Numbered texts in their order, of which the oldest go beyond `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._kept: deque[tuple[int, str]] = deque()
        self._gone = 0  # number of the newest text that is kept no more

    def add(self, number: int, text: str) -> None:
        """Keep a text, whose number is above those before it."""
        self._kept.append((number, text))
        self.bytes += len(text)
        while self.bytes > self._limit or len(self._kept) > MAX_EVENTS:
            self._gone, old = self._kept.popleft()
            self.bytes -= len(old)

    @property
    def newest(self) -> int:
        """The number of the newest text; 0 before the first."""
        return self._kept[-1][0] if self._kept else self._gone

    def after(self, number: int) -> list[tuple[int, str]] | None:
        """Return all texts with higher numbers, oldest first; None if some of them are gone."""
        if number < self._gone:
            return None
        return [(known, text) for known, text in self._kept if known > number]
