"""An ingest with everything around it, and what came out of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from longwatch.stream.buffer import LatestBuffer
from longwatch.stream.ingest.ingest import Ingest
from longwatch.stream.limits import MediaLimits
from longwatch.stream.timeline import Timeline
from tests.support import media

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longwatch.errors import LongwatchError
    from longwatch.types import Frame

DEADLINE = 20.0  # seconds after which a test counts as hung


@dataclass
class Rig:
    """One publisher, and a buffer that is large enough for its clip."""

    form: str
    fps: float | None = None
    size: tuple[int, int] | None = None
    buffer: LatestBuffer = field(default_factory=lambda: LatestBuffer(1000))
    timeline: Timeline = field(default_factory=Timeline)
    limits: MediaLimits = field(default_factory=MediaLimits)
    faults: list[LongwatchError] = field(default_factory=list)
    faulted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.ingest = Ingest(
            self.form,
            fps=self.fps,
            limits=self.limits,
            buffer=self.buffer,
            timeline=self.timeline,
            on_fault=self._fault,
            size=self.size,
        )

    def _fault(self, error: LongwatchError) -> None:
        self.faults.append(error)
        self.faulted.set()

    @property
    def codes(self) -> list[str]:
        return [fault.code for fault in self.faults]

    @property
    def dropped(self) -> dict[str, int]:
        """The reasons that came up, and how often."""
        return {str(k): n for k, n in self.ingest.counters.dropped.items() if n}

    def feed(self, parts: Iterable[bytes | tuple[bytes, float]], **flags: Any) -> None:
        """Feed each part; the flags are those of the first."""
        for part in parts:
            payload, pts = part if isinstance(part, tuple) else (part, None)
            self.ingest.feed(payload, pts, **flags)
            flags = {}

    def finish(self) -> list[Frame]:
        """End the ingest and return the frames that are in the buffer."""
        self.ingest.end()
        assert self.ingest.join(DEADLINE)
        return list(iter(self.buffer.get_nowait, None))


def numbers(frames: list[Frame]) -> list[int]:
    """Return what is burned into the pictures."""
    return [media.read_number(frame.image) for frame in frames]


def times(frames: list[Frame]) -> list[float]:
    """Return the times of the frames, to the microsecond."""
    return [round(frame.time, 6) for frame in frames]
