"""One clock for a stream, whatever its publishers' clocks do."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import NamedTuple

STEP = 0.001  # seconds; the least distance of two frames where the pts say nothing
REORDER = 1.0  # seconds; a pts further back than this is a clock set back, not a late frame
SLACK = 2.0  # seconds; a clock that a break left this close to ours is still the same clock
GAP = 10.0  # seconds without a frame that are worth recording
FAR = 3600.0  # seconds; a pts further ahead than this is a clock that was set, not a pause
# A 33-bit counter (MPEG-TS) and a 32-bit one (RTP), both of 1/90000 s, start over after so long.
WRAPS = (2**33 / 90_000, 2**32 / 90_000)


class Gap(NamedTuple):
    """A span of the stream's clock in which nothing was seen; seconds."""

    start: float
    end: float


class Timeline:
    """Maps a publisher's presentation times to stream time, which never goes back.

    The first pts is taken as it is. From then on stream time follows the pts until the
    publisher's clock breaks: announced by `restart` (reconnect, new epoch, discontinuity), or seen
    (set back, or ahead by more than an hour). After a break the stream goes on at its last time
    plus the real time that passed, unless the new pts fit to the old clock anyway.
    Counters that wrap go on without a break. Any thread may call.
    """

    def __init__(self, max_gaps: int = 256) -> None:
        self.origin: float | None = None
        """When this clock stood at 0, in seconds since 1970, as its publisher last said."""
        self._lock = threading.Lock()
        self._gaps: deque[Gap] = deque(maxlen=max_gaps)
        self._offset = 0.0  # stream time - pts
        self._time: float | None = None  # of the newest frame
        self._pts: float | None = None
        self._arrived = 0.0
        self._broken = False
        self._frames = 0

    @property
    def time(self) -> float | None:
        """Stream time of the newest frame, in seconds, or None before the first."""
        return self._time

    @property
    def gaps(self) -> list[Gap]:
        """The latest gaps, oldest first."""
        with self._lock:
            return list(self._gaps)

    def number(self) -> int:
        """Return the next running number of a frame."""
        with self._lock:
            self._frames += 1
            return self._frames - 1

    def restart(self) -> None:
        """Announce that the next pts may come from another clock."""
        with self._lock:
            self._broken = True

    def resume(self, time: float, passed: float) -> None:
        """Go on, before the first frame, `passed` seconds of real time after one at `time`."""
        with self._lock:
            self._time, self._arrived, self._broken = time, monotonic() - passed, True

    def stamp(self, pts: float | None, arrived: float) -> float | None:
        """Return the stream time of a frame, or None when newer ones were seen before it.

        Args:
            pts: seconds on the publisher's clock; None takes the time of arrival in its place.
            arrived: `time.monotonic()` when the frame came.
        """
        with self._lock:
            if self._time is None:
                time = max(0.0, pts or 0.0)
                self._offset = time - (pts or 0.0)
            else:
                passed = max(0.0, arrived - self._arrived)
                found = self._next(self._time, pts, passed)
                if found is None:
                    return None
                time = found
                if time - self._time > GAP or (self._broken and time - self._time > SLACK):
                    self._gaps.append(Gap(self._time, time))
            self._time, self._pts, self._arrived, self._broken = time, pts, arrived, False
            return time

    def _next(self, last: float, pts: float | None, passed: float) -> float | None:
        """Return the time of the frame after `last`, `passed` seconds of real time later."""
        onward = last + max(passed, STEP)
        if pts is None or pts == self._pts:  # a sender that does not count
            return onward
        step = pts + self._offset - last
        if self._broken:
            if not 0 < step <= passed + SLACK:
                return self._anchor(onward, pts)
        elif step <= 0:
            wrap = next((w for w in WRAPS if 0 < step + w < GAP), None)
            if wrap is not None:
                self._offset += wrap
            elif step < -REORDER or passed > REORDER:
                return self._anchor(onward, pts)
            else:
                return None
        elif step > FAR:
            return self._anchor(onward, pts)
        return pts + self._offset

    def _anchor(self, time: float, pts: float) -> float:
        self._offset = time - pts
        return time
