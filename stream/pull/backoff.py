"""How long to wait before a source is tried again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.stream.pull.settings import PullSettings

JITTER = 0.2  # of the wait, either way, so that cameras behind one switch do not come back at once
SLOW = frozenset(
    {
        "source_auth_failed",
        "source_not_found",
        "source_forbidden_url",
        "source_codec_unsupported",
        "source_no_video",
    }
)


class Backoff:
    """Doubles the wait from attempt to attempt; it never gives up."""

    def __init__(self, settings: PullSettings, chance: random.Random | None = None) -> None:
        self._settings = settings
        self._chance = chance or random.Random()  # spreads load, guards nothing
        self.attempt = 0
        """Attempts that failed since the source was last well."""

    def wait(self, code: str, good_s: float) -> float:
        """Return the seconds to wait after a failure for the reason `code`.

        `good_s` is for how long frames had come before it.
        """
        settings = self._settings
        if good_s >= settings.settled_s:
            self.attempt = 0
        self.attempt += 1
        doubled = settings.retry_s * 2.0 ** min(self.attempt - 1, 30)
        most = min(doubled, settings.retry_most_s)
        wait = most * self._chance.uniform(1 - JITTER, 1 + JITTER)
        if code in SLOW:  # at least, so that no jitter makes it more often
            slow = settings.retry_slow_s
            wait = max(wait, slow * self._chance.uniform(1, 1 + JITTER))
        return wait
