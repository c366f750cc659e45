"""Choose frames by their time, never by stride."""

from __future__ import annotations

import math

from longwatch.errors import ConfigError

# Times come cut to whole milliseconds (Matroska, many clients) or to ticks of 1/90000 s (MPEG-TS):
# a frame meant for 2/3 s may say 0.666 s, and still belongs to the slot that begins at 2/3 s.
ROUNDING = 0.00105  # seconds


class Sampler:
    """Takes the first frame of each slot [k/fps, (k+1)/fps) of the stream's clock.

    So at most `fps` frames a second are taken whatever the source's rate, evenly spaced where the
    source allows it, and all of them where the source is slower. None takes every frame.
    """

    def __init__(self, fps: float | None) -> None:
        if fps is not None and not (fps > 0 and math.isfinite(fps)):
            raise ConfigError(f"fps must be a number above 0, or none at all, not {fps}")
        self.fps = fps
        self._last: int | None = None

    def slot(self, time: float) -> int:
        """Return k of the slot that `time`, in seconds, falls into; 0 when all are taken."""
        if self.fps is None:
            return 0
        # A rounding error never reaches over more than an eighth of a slot.
        return math.floor(time * self.fps + min(ROUNDING * self.fps, 0.125))

    def take(self, time: float) -> bool:
        """Tell whether the frame at `time`, in seconds, is taken; times never go back."""
        if self.fps is None:
            return True
        slot = self.slot(time)
        if self._last is not None and slot <= self._last:
            return False
        self._last = slot
        return True
