"""When a client that was cut off tries again, and what it says of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Close codes after which the session may be there still; after others trying again is of no use.
CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
JITTER = 0.2  # of each wait, so that not all clients of a restarted service come at once


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How long a client waits before each try; all in seconds."""

    first: float = 0.5  # before the first try; each further wait is twice as long
    most: float = 8.0
    seconds: float = 120.0  # of waiting in all, after which it gives up

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.first <= self.most:
            raise ConfigError(
                f"the first wait must be above 0 and at most the longest, {self.most:g} s, and "
                f"not {self.first:g} s"
            )

    def waits(self) -> Iterator[float]:
        """Yield the seconds to wait before each try, until it is time to give up."""
        wait, left = self.first, self.seconds
        while left > 0:
            yield wait * random.uniform(1 - JITTER, 1 + JITTER)
            left -= wait
            wait = min(self.most, 2 * wait)


RECONNECT = Reconnect()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to the connection, for whoever wants to show or to log it.

    `lost`: it broke off, and the client tries to come back. `resumed`: it is back, nothing was
    missed but the frames that could not be sent for `seconds`. `restarted`: it is back with a new
    session; answers that were under way have failed, streams are followed and fed again.
    `going_away`: the server ends within `seconds`.
    """

    kind: Literal["lost", "resumed", "restarted", "going_away"]
    reason: str
    seconds: float = 0.0
