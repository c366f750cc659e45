"""Which frames of a live source come too late: those that were held up and arrive in a burst."""

from __future__ import annotations

PATIENCE = 2.0  # seconds of late frames, after which the source is not behind: its clock is
BACK, AHEAD = 1.0, 10.0  # seconds; a pts further away than this is of another clock


class Lateness:
    """Compares the source's clock with ours.

    What arrives soonest after its pts sets the pace; a frame that is `late_s` behind that pace is
    late. A source that stays behind, as one does that was paused, sets a new pace.
    """

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._offset: float | None = None  # arrival - pts of the one that came soonest
        self._pts = 0.0
        self._since: float | None = None  # arrival of the first of a row of late frames

    def late(self, pts: float, arrived: float) -> bool:
        """Tell whether the frame at `pts` seconds, that `arrived` (monotonic), is late."""
        jumped = not -BACK < pts - self._pts < AHEAD
        offset, self._pts = arrived - pts, pts
        if self._offset is None or jumped or offset - self._offset <= self._late_s:
            soonest = offset if self._offset is None or jumped else min(offset, self._offset)
            self._offset, self._since = soonest, None
            return False
        if self._since is None:
            self._since = arrived
        if arrived - self._since < PATIENCE:
            return True
        self._offset, self._since = offset, None
        return False
