"""What one key uses now: its sessions, its answers, its rates."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longwatch.errors import LimitError
from longwatch.serve.auth.limits import Allowance, Rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.serve.auth.settings import AccessSettings


class Usage:
    """Counts and bounds. Answers may end on any thread; all else is the event loop's."""

    def __init__(self, settings: AccessSettings) -> None:
        self.allowance = Allowance(
            Rates(settings.key_questions, settings.key_frames, settings.key_bytes)
        )
        self._settings = settings
        self._sessions = 0
        self._answers = 0
        self._lock = threading.Lock()

    @contextmanager
    def session(self) -> Iterator[None]:
        """Count a session while it lasts, or raise `LimitError` (`too_many_sessions`)."""
        limit = self._settings.key_sessions
        if limit and self._sessions >= limit:
            raise LimitError(
                f"this key has {limit} sessions open, which is its limit; close one",
                code="too_many_sessions",
            )
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1

    def begin_answer(self) -> None:
        """Count an answer in, or raise `LimitError` (`overloaded`); `end_answer` counts it out."""
        limit = self._settings.key_parallel
        with self._lock:
            if limit and self._answers >= limit:
                raise LimitError(
                    f"{limit} answers are under way for this key, which is its limit; wait for one"
                )
            self._answers += 1

    def end_answer(self) -> None:
        """Count an answer out."""
        with self._lock:
            self._answers -= 1
