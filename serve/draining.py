"""The end of the service, announced: what is under way may finish, and nothing new begins."""

from __future__ import annotations

import time

from longwatch.errors import ClosedError


class Draining:
    """Whether the service is about to end, and when."""

    def __init__(self) -> None:
        self._until: float | None = None  # on the monotonic clock

    @property
    def active(self) -> bool:
        """Whether the service is about to end."""
        return self._until is not None

    @property
    def seconds_left(self) -> float:
        """Seconds until it ends at the latest; 0 where that is over, or was never said."""
        return 0.0 if self._until is None else max(0.0, self._until - time.monotonic())

    def begin(self, seconds: float) -> None:
        """Announce the end within `seconds`; the first announcement counts."""
        if self._until is None:
            self._until = time.monotonic() + seconds

    def check(self) -> None:
        """Raise `ClosedError` (`closing`) once the end was announced."""
        if self.active:
            raise ClosedError(
                "the service is about to end; try again in a moment, when it is back",
                code="closing",
            )
