"""When the parts of one answer happened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from longwatch.serve.answer import Timing

if TYPE_CHECKING:
    from longwatch.serve.observer import Observer


class Clock:
    """Starts when a question is put, and tells the observer of each token."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._asked = time.perf_counter()
        self._last = self._asked  # when the newest token was there
        self._first: float | None = None  # when the first token was there
        self.begun: float | None = None  # when the prefill began

    @property
    def waited(self) -> float:
        """Seconds since the question was put."""
        return time.perf_counter() - self._asked

    def begin(self) -> None:
        """Note that the prefill begins."""
        self.begun = time.perf_counter()

    def mark(self) -> None:
        """Note that a token is there."""
        now = time.perf_counter()
        if self._first is None:
            self._first = now
            self._observer.first_token(now - self._asked)
        else:
            self._observer.next_token(now - self._last)
        self._last = now

    def timing(self) -> Timing:
        """Return where the time went, up to now."""
        return Timing(
            queue_ms=_ms(self._asked, self.begun),
            prefill_ms=_ms(self.begun, self._first),
            ttft_ms=_ms(self._asked, self._first),
            total_ms=self.waited * 1000,
        )


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1000
