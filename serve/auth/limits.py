"""How many questions, pictures and bytes one key or one session has left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from longwatch.errors import LimitError
from longwatch.serve.auth.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["questions", "frames", "bytes"]
BURST_SECONDS = 2.0  # of pictures and bytes that may come at once
NAMES = {"questions": "requests"}  # ours -> OpenAI's


@dataclass(frozen=True)
class Rates:
    """Questions a minute, pictures and bytes a second; 0 is no limit."""

    questions: float = 0.0
    frames: float = 0.0
    bytes: float = 0.0


class Allowance:
    """The buckets of one key or session; `parent` is the key's, of which a session takes too."""

    def __init__(
        self,
        rates: Rates,
        parent: Allowance | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parent = parent
        self._buckets: dict[Kind, Bucket] = {
            "questions": Bucket(rates.questions / 60, rates.questions, clock),
            "frames": Bucket(rates.frames, max(1.0, BURST_SECONDS * rates.frames), clock),
            "bytes": Bucket(rates.bytes, BURST_SECONDS * rates.bytes, clock),
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

    def _chain(self) -> tuple[Allowance, ...]:
        return (self,) if self._parent is None else (self, self._parent)
