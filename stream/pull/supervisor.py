"""A pulled source as the server runs it: watch the child process, end it where it hangs, try again.

`Watchdog` says when it hangs, `Backoff` how long to wait before the next try.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from longwatch.errors import ClosedError
from longwatch.stream.buffer import DropPolicy
from longwatch.stream.chunks import Chunk
from longwatch.stream.pull.errors import SENTENCES
from longwatch.stream.pull.frame_ring import FrameRing
from longwatch.stream.pull.process import ChildProcess, PullJob
from longwatch.stream.sink import Counters, Drop, FrameSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.stream.buffer import LatestBuffer
    from longwatch.stream.pull.address import Address
    from longwatch.stream.pull.frame_ring import Counts, Picture
    from longwatch.stream.pull.rules import UrlPolicy
    from longwatch.stream.pull.settings import PullSettings
    from longwatch.stream.timeline import Timeline

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


log = logging.getLogger(__name__)
TICK = 0.1  # seconds between two looks at a child that says nothing
STOP = 10.0  # seconds to wait for the thread at `close`; it needs two at most
JUMP = 5.0  # seconds; where pts and arrivals differ so much, the source's clock was set
State = Literal["connecting", "online", "stalled", "reconnecting", "ended"]


class Status(NamedTuple):
    """How a source is doing."""

    state: State
    reason: str | None = None  # a code of the wire
    message: str | None = None
    attempt: int = 0  # failures since it was well
    retry_in: float | None = None  # seconds
    gap: tuple[float, float] | None = None  # stream time that was not seen, now that it is back


class Outcome(NamedTuple):
    """How a connection ended."""

    code: str
    message: str
    finite: bool = False  # there is no more to come
    good_s: float = 0.0  # for how long it gave frames


class PulledSource:
    """Pulls `address` into a stream until it is closed, or a recording has ended.

    `on_status` is called on the source's thread, after each change. The address is one that the
    rules have let pass; what its name resolves to is judged at each connection.
    """

    def __init__(
        self,
        address: Address,
        rules: UrlPolicy,
        settings: PullSettings,
        *,
        fps: float | None,
        max_pixels: int,
        buffer: LatestBuffer,
        timeline: Timeline,
        on_status: Callable[[PulledSource, Status], None],
    ) -> None:
        self.address = address
        self.fps = fps
        self.pid: int | None = None
        """The child's number, while there is one."""
        self._rules, self._settings, self._max_pixels = rules, settings, max_pixels
        self._sink = FrameSink(None, buffer, timeline, lambda _: None)  # the child chooses frames
        self._on_status = on_status
        self.ids: dict[str, str] = {}  # of the stream, for log lines
        self._status = Status("connecting")
        self._backoff = Backoff(settings)
        self._transport = ""
        self._past: Counter[str] = Counter()  # what earlier children came to
        self._ring: FrameRing | None = None
        self._lock = threading.Lock()  # of the two above
        self._before: tuple[float, float] | None = None  # pts and arrival of the last frame
        self._thread = threading.Thread(target=self._run, name="pull", daemon=True)

    def start(self) -> None:
        """Begin; `on_status` hears of it."""
        self._on_status(self, self._status)
        self._thread.start()

    @property
    def status(self) -> Status:
        """How the source is doing."""
        return self._status

    @property
    def counters(self) -> Counters:
        """What was received, emitted, and dropped by reason, so far."""
        with self._lock:
            total = self._past + self._now()
        ours = self._sink.counters()
        dropped = {reason: ours.dropped[reason] + total[str(reason)] for reason in Drop}
        return Counters(total["received"], ours.emitted, dropped)

    def end(self) -> None:
        """Stop soon; returns at once."""
        self._sink.stopped.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the source is let go of; False after `timeout` seconds."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Let go of the source and end its child process. Calling it again does nothing."""
        self.end()
        self.join(STOP)

    def _run(self) -> None:
        try:
            while not self._sink.stopped.is_set():
                outcome = self._connect()
                if self._sink.stopped.is_set():
                    return
                if outcome.finite:
                    self._enter(Status("ended", "source_ended"))
                    return
                wait = self._backoff.wait(outcome.code, outcome.good_s)
                attempt = self._backoff.attempt
                self._enter(Status("reconnecting", outcome.code, outcome.message, attempt, wait))
                self._sink.stopped.wait(wait)
        except ClosedError:  # the stream went away; nobody is left to tell
            pass
        except Exception:
            log.exception("a source cannot be pulled any more", extra=self.ids)
            self._enter(Status("ended", "source_error", SENTENCES["source_error"]))

    def _connect(self) -> Outcome:
        """Run one child process to its end."""
        self._sink.timeline.restart()
        self._before = None
        ring = FrameRing(self._settings.slots, self._max_pixels)
        job = PullJob(
            self.address,
            self._rules,
            self._settings,
            self.fps,
            self._max_pixels,
            ring.fd,
            self._transport,
        )
        worker = ChildProcess(job, ring)
        with self._lock:
            self._ring, self.pid = ring, worker.pid
        dog, patient = Watchdog(self._settings), False
        try:
            while not self._sink.stopped.is_set():
                outcome = self._hear(worker, dog)
                self._take(ring, dog)
                outcome = outcome or dog.verdict(ring.counts(), time.monotonic())
                if outcome is not None:
                    code, message, finite = outcome
                    return Outcome(code, message, finite, dog.good_s)
                if dog.stalled and self._status.state == "online":
                    self._enter(Status("stalled", "source_stalled", SENTENCES["source_stalled"]))
            patient = True
            return Outcome("closed", "")
        finally:
            worker.close(patient=patient)
            with self._lock:
                self._past += self._now()
                self._ring = self.pid = None
            ring.close()

    def _hear(self, worker: ChildProcess, dog: Watchdog) -> tuple[str, str, bool] | None:
        """Take in what the child says; return how it ended, if it did."""
        for event in worker.hear(TICK):
            if event["event"] == "open":
                dog.opened = True
                self._transport = event["transport"]
            elif event["event"] == "end":
                return event["code"], event["message"], event["finite"]
        if worker.over:  # without a word: libav has crashed, or somebody killed it
            return (
                "source_error",
                "the process that decodes the source died; it is started anew",
                False,
            )
        return None

    def _take(self, ring: FrameRing, dog: Watchdog) -> None:
        """Put the frames that are there into the stream."""
        for picture in ring.take():
            before = self._sink.timeline.time
            at = self._place(picture)
            if at is not None and self._status.state != "online":
                gap = None if before is None or self._status.state == "connecting" else (before, at)
                self._enter(Status("online", gap=gap))
        dog.look(ring.counts(), time.monotonic())

    def _place(self, picture: Picture) -> float | None:
        """Hand a picture on; return its time on the stream's clock, if it has one."""
        pts, arrived = picture.pts, picture.arrived
        if pts is not None:
            known, self._before = self._before, (pts, arrived)
            if known is not None and abs(pts - known[0] - (arrived - known[1])) > JUMP:
                self._sink.timeline.restart()
        recorded = self.address.kind == "file"
        captured = None if recorded else time.time() - (time.monotonic() - arrived)
        chunk = Chunk(b"", pts, arrived, captured)
        place = self._sink.place(pts, chunk)
        if place is None:
            return None
        if self._sink.buffer.policy is not DropPolicy.BLOCK or self._sink.wait_room():
            self._sink.emit(picture.image, place, chunk)
        return place.time

    def _enter(self, status: Status) -> None:
        self._status = status
        self._on_status(self, status)

    def _now(self) -> Counter[str]:
        """Return what the child there is has come to, in our words."""
        if self._ring is None:
            return Counter()
        counts = self._ring.counts()
        return Counter(
            received=counts.decoded + counts.damaged,
            busy=self._ring.missed,
            rate=counts.rate,
            late=counts.late,
            decode=counts.damaged,
            size=counts.size,
        )
