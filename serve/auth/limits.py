"""What one key may use: sessions, answers, and rates by token buckets."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from longwatch.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longwatch.serve.auth.settings import AccessSettings


class TokenBucket:
    """Holds `burst` at most and gains `rate` a second; `rate` 0 is no limit at all."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._level = burst
        self._seen = clock()

    @property
    def level(self) -> float:
        """How much could be taken now."""
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._seen) * self.rate)
        self._seen = now
        return self._level

    def wait(self, amount: float = 1.0) -> float:
        """Return the seconds until `amount` can be taken, 0 if it can be now.

        What is larger than the bucket can be taken from a full one, which is in debt afterwards.
        """
        missing = min(amount, self.burst) - self.level
        return missing / self.rate if self.rate and missing > 0 else 0.0

    def take(self, amount: float = 1.0) -> float:
        """Take `amount` if it is there and return 0; else take nothing and return `wait`."""
        wait = self.wait(amount)
        if self.rate and not wait:
            self._level -= amount
        return wait


Kind = Literal["questions", "frames", "bytes"]
BURST_SECONDS = 2.0  # of pictures and bytes that may come at once
NAMES = {"questions": "requests"}  # ours -> OpenAI's


@dataclass(frozen=True)
class RateLimits:
    """Questions a minute, pictures and bytes a second; 0 is no limit."""

    questions: float = 0.0
    frames: float = 0.0
    bytes: float = 0.0


class RateLimiter:
    """The buckets of one key or session; `parent` is the key's, of which a session takes too."""

    def __init__(
        self,
        rates: RateLimits,
        parent: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parent = parent
        self._buckets: dict[Kind, TokenBucket] = {
            "questions": TokenBucket(rates.questions / 60, rates.questions, clock),
            "frames": TokenBucket(rates.frames, max(1.0, BURST_SECONDS * rates.frames), clock),
            "bytes": TokenBucket(rates.bytes, BURST_SECONDS * rates.bytes, clock),
        }

    def take(self, kind: Kind, amount: float = 1.0) -> None:
        """Take `amount`, or take nothing and raise `LimitError` (`rate_limited`)."""
        chain = self._chain()
        wait = max(level._buckets[kind].wait(amount) for level in chain)
        if wait:
            raise LimitError(
                f"more {kind} came than this key or session may send; slow down, or go on in "
                f"{wait:.1f} s",
                code="rate_limited",
                retry_after=wait,
            )
        for level in chain:
            level._buckets[kind].take(amount)

    def json(self) -> list[dict[str, Any]]:
        """Return what is left as clients see it: of each kind that is limited, the tightest."""
        limits = []
        for kind in self._buckets:
            tied = [b for b in (level._buckets[kind] for level in self._chain()) if b.rate]
            if tied:
                bucket = min(tied, key=lambda b: b.level / b.burst)
                limits.append(
                    {
                        "name": NAMES.get(kind, kind),
                        "limit": bucket.burst,
                        "remaining": max(0, int(bucket.level)),
                        "reset_seconds": round((bucket.burst - bucket.level) / bucket.rate, 3),
                    }
                )
        return limits

    def _chain(self) -> tuple[RateLimiter, ...]:
        return (self,) if self._parent is None else (self, self._parent)


class KeyUsage:
    """Counts and bounds. Answers may end on any thread; all else is the event loop's."""

    def __init__(self, settings: AccessSettings) -> None:
        self.allowance = RateLimiter(
            RateLimits(settings.key_questions, settings.key_frames, settings.key_bytes)
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
