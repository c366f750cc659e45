"""A source that is being pulled, and all that it told."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from longwatch.stream.buffer import LatestBuffer
from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings
from longwatch.stream.pull.supervisor import PulledSource, Status
from longwatch.stream.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longwatch.types import Frame

DEADLINE = 90.0  # seconds; a machine under load is slow, and none of this is about speed
QUICK = PullSettings(
    read_s=3.0, stall_s=1.5, give_up_s=4.0, retry_s=0.2, retry_most_s=0.5, retry_slow_s=0.6
)


class Pulled:
    """Collects frames and states."""

    def __init__(
        self, url: str, rules: UrlPolicy, settings: PullSettings, fps: float | None, **given: Any
    ) -> None:
        self.buffer, self.timeline = LatestBuffer(4), Timeline()
        self.frames: list[Frame] = []
        self.told: list[Status] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect)
        self.pull = PulledSource(
            parse_address(url, **given),
            rules,
            settings,
            fps=fps,
            max_pixels=1920 * 1080,
            buffer=self.buffer,
            timeline=self.timeline,
            on_status=lambda _, status: self.told.append(status),
        )

    @property
    def states(self) -> list[tuple[str, str | None]]:
        """What was told, without repetitions."""
        pairs = [(status.state, status.reason) for status in self.told]
        return [pair for i, pair in enumerate(pairs) if not i or pair != pairs[i - 1]]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` is true."""
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"it did not happen; told: {self.told[-5:]}")
            time.sleep(0.02)

    def until_state(self, state: str, reason: str | None = None, after: int = 0) -> int:
        """Wait for a state beyond the first `after`; return how many were told up to it."""

        def found() -> int:
            for i, status in enumerate(self.told[after:], after + 1):
                if status.state == state and reason in (None, status.reason):
                    return i
            return 0

        self.until(lambda: bool(found()))
        return found()

    def until_frames(self, more: int = 3) -> None:
        """Wait for so many more frames."""
        now = len(self.frames)
        self.until(lambda: len(self.frames) >= now + more)

    def start(self) -> None:
        self._thread.start()
        self.pull.start()

    def close(self) -> None:
        self.pull.close()
        self._stop.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._stop.is_set():
            frame = self.buffer.get(0.05)
            if frame is not None:
                self.frames.append(frame)


@contextmanager
def pulled(
    url: str,
    *,
    rules: UrlPolicy | None = None,
    settings: PullSettings = QUICK,
    fps: float | None = None,
    **given: Any,
) -> Iterator[Pulled]:
    """Pull `url`; `given` are the address's own options."""
    made = Pulled(url, rules or UrlPolicy(), settings, fps, **given)
    made.start()
    try:
        yield made
        times = [frame.time for frame in made.frames]
        assert times == sorted(set(times)), "the stream's clock went back"
    finally:
        made.close()
    assert made.pull.join(0)
    assert made.pull.pid is None
