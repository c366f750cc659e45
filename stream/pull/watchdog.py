"""Tells from a child's counts whether its source still lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.stream.pull.errors import SENTENCES

if TYPE_CHECKING:
    from longwatch.stream.pull.frame_ring import Counts
    from longwatch.stream.pull.settings import PullSettings

SPARSE = 3.0  # times its usual distance between frames, until a slow source counts as stalled


class Watchdog:
    """Looks at decoded frames, for a socket that is alive says nothing of the picture."""

    def __init__(self, settings: PullSettings) -> None:
        self.opened = False
        """Whether the child has opened the source."""
        self.stalled = False
        self._settings = settings
        self._began: float | None = None  # when the first look was
        self._first: float | None = None  # of the first frame
        self._last = 0.0  # of the newest one
        self._decoded = 0
        self._damaged = 0  # by the newest frame

    @property
    def good_s(self) -> float:
        """For how long frames have come, in seconds."""
        return 0.0 if self._first is None else self._last - self._first

    def look(self, counts: Counts, now: float) -> None:
        """Take in the counts at the time `now` (monotonic)."""
        self._began = now if self._began is None else self._began
        if counts.decoded > self._decoded:
            self._first = counts.last if self._first is None else self._first
            self._last, self._decoded = counts.last, counts.decoded
            self._damaged = counts.damaged
        self.stalled = self._first is not None and now - self._last > self._patience(
            self._settings.stall_s
        )

    def verdict(self, counts: Counts, now: float) -> tuple[str, str, bool] | None:
        """Return code, sentence and False once the source is to be given up."""
        self.look(counts, now)
        settings = self._settings
        code = None
        if self._first is None:
            waited = now - (self._began or now)
            # A source that is tried by two transports has twice the time to open.
            if waited > (settings.first_frame_s if self.opened else 3 * settings.open_s):
                code = "source_corrupt" if counts.damaged else "source_timeout"
        elif now - self._last > self._patience(settings.give_up_s):
            code = "source_corrupt" if counts.damaged > self._damaged else "source_stalled"
        return None if code is None else (code, SENTENCES[code], False)

    def _patience(self, seconds: float) -> float:
        usual = self.good_s / (self._decoded - 1) if self._decoded > 1 else 0.0
        return max(seconds, SPARSE * usual)
