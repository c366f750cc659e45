"""How long a decoder takes. No thread can interrupt another one's decoding; it can look at it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longwatch.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Times what one thread decodes, a picture or packet at a time; any thread may look.

    `limit` is in seconds of real time, above zero.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._begun: float | None = None

    @property
    def overdue(self) -> bool:
        """Whether something is being decoded now that has taken longer than the limit."""
        begun = self._begun
        return begun is not None and time.monotonic() - begun > self.limit

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time what is done inside.

        Raises:
            FrameError: it is done, and took too long (`decode_timeout`).
        """
        begun = self._begun = time.monotonic()
        try:
            yield
        finally:
            self._begun = None
        if time.monotonic() - begun > self.limit:
            raise too_slow(self.limit)


def too_slow(limit: float) -> FrameError:
    """Return the error for a picture or packet that took longer than `limit` seconds."""
    return FrameError(
        f"a picture took more than {limit:g} s to decode and was left out; send it smaller, or "
        "encoded in a simpler way",
        code="decode_timeout",
    )
