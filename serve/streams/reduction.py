"""What one stream spares the model: near-duplicate frames, and tokens of the others.

Under load it gives way: it keeps less, by additive increase and multiplicative decrease.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from longwatch.compressors import COMPRESSORS
from longwatch.compressors.budget import Account, Budget
from longwatch.errors import ConfigError
from longwatch.registry import lookup
from longwatch.stream.gate import Gate, block_means

if TYPE_CHECKING:
    from longwatch.compressors import Compressor
    from longwatch.stream.gate import FrameSignature
    from longwatch.types import Frame, VisualTokens

LOST, WAITED, CALM = 0.5, 0.8, 0.05  # what a frame's sign of load does: times, times, plus
LEAST = 1 / 64  # below it nothing is left to give

DegradeReason = Literal["frames_lost", "frames_wait"]


@dataclass(frozen=True)
class LoadFactor:
    """The share of what a frame would have had that it gets, and why it is not all.

    It falls at once and comes back slowly, so that a stream under load settles where it is just
    read in time. Equal signs in equal order lead to equal shares.
    """

    share: float = 1.0
    reason: DegradeReason | None = None  # the last sign of load; None once all is as usual again
    lost: int = 0  # frames lost since the stream began

    def next(self, lost: int, waiting: int) -> LoadFactor:
        """Return what the next frame gets.

        `lost` is how many frames were lost in all because the model was busy, `waiting` how many
        wait behind this one.
        """
        if lost > self.lost:
            return LoadFactor(max(LEAST, self.share * LOST), "frames_lost", lost)
        if waiting:
            return LoadFactor(max(LEAST, self.share * WAITED), "frames_wait", lost)
        share = min(1.0, self.share + CALM)
        return LoadFactor(share, None if share == 1 else self.reason, lost)


@dataclass(frozen=True)
class ReductionSettings:
    """What is spared, and how."""

    compressor: str = "keep_all"  # a name of `compressors.COMPRESSORS`
    keep: float | None = None  # share of a frame's tokens; None is the compressor's own
    token_rate: float | None = None  # tokens a second of the stream's clock; None is no limit
    gate: float | None = None  # see `Gate.change`; None lets every frame pass
    gate_seconds: float = 10.0  # from a frame that was read to the next at the latest
    fps: float | None = None  # frames a second at most, where that is known

    def __post_init__(self) -> None:
        """Check the settings."""
        _ = self.make_compressor(), self.make_gate(), self.make_budget()

    def make_compressor(self) -> Compressor[Any]:
        """Return the compressor, at the share that was named."""
        made = lookup(COMPRESSORS, self.compressor, "compressor")()
        return made if self.keep is None else made.at(self.keep)

    def make_gate(self) -> Gate | None:
        """Return the gate, if there is one."""
        return None if self.gate is None else Gate(self.gate, self.gate_seconds)

    def make_budget(self) -> Budget | None:
        """Return the budget, if the stream has a token rate."""
        if self.token_rate is None:
            return None
        made = Budget(self.token_rate, ceiling=1.0 if self.keep is None else self.keep)
        if self.compressor == "keep_all":
            raise ConfigError(
                "keep_all gives up no token, so it cannot hold a token rate; name another "
                "compressor (`longwatch methods` lists them)"
            )
        if self.fps is not None and self.token_rate < self.fps * made.floor:
            raise ConfigError(
                f"a token rate of {self.token_rate} is less than {made.floor} for each of "
                f"{self.fps} frames a second; raise it or lower fps"
            )
        return made


@dataclass(frozen=True, slots=True)
class ReductionStats:
    """What was spared so far."""

    frames_gated: int = 0  # they showed what the last frame that was read had shown
    frames_unpaid: int = 0  # the token rate had nothing left for them
    until: float | None = None  # the newest frame was read or showed nothing new; stream seconds
    share: float | None = None  # of the newest frame's tokens that were read
    ease: float = 1.0  # share of its due that the newest frame got, under load
    degraded: DegradeReason | None = None  # why `ease` is not 1

    def json(self) -> dict[str, Any]:
        """Return them as they stand on the wire; frames are counted with those dropped."""
        return {
            "share": None if self.share is None else round(self.share, 6),
            "ease": round(self.ease, 6),
            "degraded": self.degraded,
            "until_pts_us": None if self.until is None else round(self.until * 1e6),
        }


@dataclass(frozen=True)
class _State:
    """What is remembered from frame to frame."""

    compressor: Any
    account: Account | None
    look: FrameSignature | None = None  # of the newest frame that was read


class FrameReducer:
    """One stream's gate, compressor and budget. The model's thread uses it; stats are anybody's.

    For each frame: `is_duplicate`, then `compress`, then `commit` once the frame was read. A frame
    without `commit` leaves no trace but in the counts.
    """

    def __init__(self, settings: ReductionSettings) -> None:
        self._compressor = settings.make_compressor()
        self._gate = settings.make_gate()
        self._budget = settings.make_budget()
        account = None if self._budget is None else self._budget.new_account()
        self._state = self._next = _State(self._compressor.new_state(), account)
        self._ease = LoadFactor()
        self._share: float | None = None  # of the frame under way
        self._lock = threading.Lock()
        self._stats = ReductionStats()

    def is_duplicate(self, frame: Frame) -> bool:
        """Tell, and count, whether `frame` shows what the last frame that was read had shown."""
        self._next = self._state
        if self._gate is None:
            return False
        look = self._gate.look(frame)
        if not self._gate.repeats(look, self._state.look):
            self._next = replace(self._state, look=look)
            return False
        self._count(frames_gated=self._stats.frames_gated + 1, until=frame.time)
        return True

    def compress(
        self, tokens: VisualTokens, frame: Frame, *, lost: int, waiting: int
    ) -> VisualTokens | None:
        """Return the tokens of `frame` that are to be read; None, counted, when none can be paid.

        `lost` is how many frames of the stream were lost so far because the model was busy, and
        `waiting` how many wait behind this one.

        Raises:
            ModelError: the tokens are not finite numbers.
        """
        given = replace(tokens, image=frame.image)  # some methods compare pixels
        state = self._next
        if self._budget is None or state.account is None:
            kept, after = self._compressor.compress(given, state.compressor)
            self._next = replace(state, compressor=after)
        else:
            self._ease = self._ease.next(lost, waiting)
            seen = block_means(frame.image) if state.look is None else state.look.spots
            grant = self._budget.grant(
                given, frame.time, state.account, spots=seen, ease=self._ease.share
            )
            if grant is None:
                self._count(frames_unpaid=self._stats.frames_unpaid + 1)
                return None
            method = self._compressor.at(grant.share)
            kept, after = method.compress(given, state.compressor)
            account = self._budget.settle(grant, frame.time, len(given), kept, state.account)
            self._next = replace(state, compressor=after, account=account)
        self._share = len(kept) / max(1, len(given))
        return kept

    def commit(self, frame: Frame) -> None:
        """Take in that `frame` was read."""
        self._state = self._next
        self._count(
            until=frame.time,
            share=self._share,
            ease=self._ease.share,
            degraded=self._ease.reason,
        )

    def stats(self) -> ReductionStats:
        """Return what was spared so far, from any thread."""
        with self._lock:
            return self._stats

    def _count(self, **changes: Any) -> None:
        with self._lock:
            self._stats = replace(self._stats, **changes)
