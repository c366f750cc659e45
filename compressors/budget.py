"""A stream's tokens a second, shared out among its frames by what is new in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.compressors.sight import Sight
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from longwatch.types import VisualTokens

LEAST = 0.01  # novelty; what changes less than that is owed less than an even share
ROUNDING = 1e-9  # of a token
SLACK = 1e-6  # so that 50 / 196 of 196 tokens are 50


@dataclass(frozen=True, eq=False)
class Account:
    """What a budget remembers of a stream."""

    level: float  # tokens at hand
    time: float | None = None  # seconds on the stream's clock, of the newest frame that was read
    usual: float = LEAST  # running mean of the novelty
    kept: Sight | None = None  # of each place what was last kept


@dataclass(frozen=True, eq=False)
class Grant:
    """What one frame may have."""

    tokens: int
    share: float  # of the frame's tokens, for `Compressor.at`
    sight: Sight
    novelty: float  # 0 to 1
    level: float  # tokens at hand before it is paid


@dataclass(frozen=True)
class Budget:
    """A token bucket whose contents go to frames by novelty.

    Tokens run in at `rate` and up to `rate * seconds` wait (at least two floors). So frames
    within any T seconds never have more than `rate * T` tokens and a full bucket together.
    A frame gets the part

        v / (v + K u)

    of what waits above one floor, where v is its novelty, u the running mean of v over `seconds`,
    and K such that frames that are all alike have an even share each and leave the bucket half
    full. What a static stretch leaves over is there for the frame in which something happens.
    Each frame has at least `floor` tokens and at most the share `ceiling` of its own. One for which
    not even the floor is there must be left out; where at most one frame comes in each slot of
    `floor / rate` seconds, that never happens.

    Novelty is measured against what was last *kept* of each place, so that a slow change adds up
    until it is paid for; see `Sight`. u is at least 0.01, so that a stream in which little happens
    does not use its rate up.

    Only the past is looked at, and the same frames always get the same. The stream owns the
    account; a frame that fails later on is forgotten by keeping the account from before it.
    """

    rate: float  # tokens a second of the stream's clock
    floor: int = 1  # tokens of a frame
    ceiling: float = 1.0  # share of a frame's tokens
    seconds: float = 4.0
    quiet: float = 0.02  # change of one place that is noise

    def __post_init__(self) -> None:
        """Check the settings."""
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise ConfigError(f"the token rate must be above 0 tokens a second, not {self.rate}")
        if self.floor < 1:
            raise ConfigError(f"the floor of a frame must be at least 1 token, not {self.floor}")
        if not 0 < self.ceiling <= 1:
            raise ConfigError(
                f"the ceiling is the share of a frame's tokens, above 0 and at most 1, not "
                f"{self.ceiling}"
            )
        if not (self.seconds > 0 and math.isfinite(self.seconds)):
            raise ConfigError(f"a budget's seconds must be above 0, not {self.seconds}")
        if not 0 <= self.quiet < 1:
            raise ConfigError(f"quiet is a novelty, at least 0 and below 1, not {self.quiet}")

    @property
    def room(self) -> float:
        """Return the most tokens that wait in the bucket."""
        return max(self.rate * self.seconds, 2.0 * self.floor)

    def new_account(self) -> Account:
        """Return the full bucket of a stream that has not begun."""
        return Account(self.room)

    def grant(
        self,
        tokens: VisualTokens,
        time: float,
        account: Account,
        *,
        spots: NDArray[np.int16] | None = None,
        ease: float = 1.0,
    ) -> Grant | None:
        """Return what a frame at `time`, in seconds, may have; None when it must be left out.

        `spots` are (rows, columns, 3) of its picture, 0 to 255, if it is at hand. `ease` scales
        what it is given where the service is under load, from 0, which leaves the floor, to 1.
        """
        n = len(tokens)
        passed = self.seconds if account.time is None else max(0.0, time - account.time)
        level = min(self.room, account.level + self.rate * passed)
        sight = Sight.of(tokens, spots)
        novelty = sight.novelty(account.kept, self.quiet)
        least = min(self.floor, n)
        if level + ROUNDING < least:
            return None
        part = ease * self._part(novelty, account.usual, passed)
        asked = math.floor(part * (level - least))
        granted = max(least, min(asked, math.floor(self.ceiling * n + SLACK)))
        return Grant(granted, granted / n if n else 1.0, sight, novelty, level)

    def settle(
        self, grant: Grant, time: float, n: int, kept: VisualTokens, account: Account
    ) -> Account:
        """Return the account after a frame of `n` tokens was paid those `kept` of it."""
        passed = self.seconds if account.time is None else max(0.0, time - account.time)
        weight = 0.0 if account.kept is None else math.exp(-passed / self.seconds)
        usual = weight * account.usual + (1 - weight) * grant.novelty
        if account.kept is None:  # a first frame says nothing of how much usually happens
            usual = LEAST
        return Account(
            level=grant.level - len(kept),
            time=time,
            usual=max(LEAST, usual),
            kept=grant.sight.after(account.kept, kept, len(kept) / max(1, n)),
        )

    def _part(self, novelty: float, usual: float, passed: float) -> float:
        if not novelty:
            return 0.0
        others = max(0.0, self.seconds / (2 * passed) - 1) if passed else math.inf
        return novelty / (novelty + others * usual)
