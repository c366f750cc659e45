"""Which watch looks at which stream next: only at news, in turn, and so many times a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import ConfigError
from longwatch.serve.watches.condition import to_question
from longwatch.serve.watches.trigger import Trigger
from longwatch.stream.gate import FrameSignature, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from longwatch.serve.streams.stream import LatestFrame
    from longwatch.serve.watches.watch import Watch
    from longwatch.types import Frame

BURST = 0.5  # seconds of checks that may be saved up
MOST = 4096  # pairs; beyond that those of streams that are gone are forgotten


@dataclass(frozen=True)
class CheckSettings:
    """How much looking the watches may do."""

    checks: float = 20.0  # a second, over all watches and streams
    change: float = 0.05  # of a spot of the picture, of 1, below which nothing is new; 0: no gate
    seconds: float = 10.0  # on the stream's clock, after which a still picture is checked again

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.checks <= 1000:
            raise ConfigError(f"watch checks must be above 0 and at most 1000, not {self.checks}")
        _ = self.gate

    @property
    def gate(self) -> Gate | None:
        """What tells a new picture from an old one."""
        return Gate(self.change, self.seconds) if self.change else None


@dataclass(slots=True, eq=False)
class WatchedStream:
    """One watch on one stream."""

    watch: Watch
    stream: str
    rise: Trigger
    look: FrameSignature | None = None  # of the frame that was checked last
    seen: float | None = None  # stream time of the frame that was seen last, checked or not
    news: LatestFrame | None = None  # that is to be checked
    turn: int = 0  # when it was checked last, in checks


class ScoredCheck(NamedTuple):
    """A pair whose condition has a score at a time."""

    pair: WatchedStream
    time: float  # seconds on the stream's clock
    score: float


class CheckScheduler:
    """Watches and streams, and whose turn it is. No clock of its own, and no model."""

    def __init__(self, settings: CheckSettings | None = None) -> None:
        self.settings = settings or CheckSettings()
        self.pairs: dict[tuple[str, str], WatchedStream] = {}
        self._gate = self.settings.gate
        self._credit = max(1.0, BURST * self.settings.checks)  # checks that may be made now
        self._paid = 0.0  # until when checks were credited
        self._turns = 0
        self._looks: dict[str, FrameSignature] = {}  # of each stream's newest frame

    def put(self, watch: Watch, rises: Mapping[str, Trigger] | None = None) -> None:
        """Take in a watch, or its change; `rises` are how its streams stood, if it is not new."""
        for pair in self.pairs.values():
            if pair.watch.id == watch.id:
                pair.watch = watch
        for stream, rise in (rises or {}).items():
            self.pairs.setdefault((watch.id, stream), WatchedStream(watch, stream, rise))

    def drop(self, watch_id: str) -> None:
        """Forget a watch."""
        self.pairs = {key: pair for key, pair in self.pairs.items() if key[0] != watch_id}

    def see(
        self, watches: Iterable[Watch], newest: Mapping[str, LatestFrame]
    ) -> Iterator[ScoredCheck]:
        """Take in each stream's newest frame; yield the pairs whose picture shows nothing new.

        They keep the score that they have. The others wait for their turn.
        """
        self._looks = {name: look for name, look in self._looks.items() if name in newest}
        if len(self.pairs) > MOST:
            self.pairs = {key: pair for key, pair in self.pairs.items() if key[1] in newest}
        for watch in watches:
            for stream, glimpse in newest.items():
                if watch.active and watch.covers(stream):
                    pair = self._pair(watch, stream)
                    if pair.seen != glimpse.frame.time:
                        pair.seen = glimpse.frame.time
                        yield from self._take(pair, glimpse)

    def next(self, now: float) -> WatchedStream | None:
        """Return the pair that waited most turns, if the budget has a check left at `now`."""
        rate = self.settings.checks
        self._credit = min(max(1.0, rate * BURST), self._credit + rate * max(0.0, now - self._paid))
        self._paid = now
        waiting = [pair for pair in self.pairs.values() if pair.news and pair.watch.active]
        if not waiting or self._credit < 1:
            return None
        self._credit -= 1
        self._turns += 1
        pair = min(waiting, key=lambda pair: pair.turn)
        pair.turn = self._turns
        return pair

    def begin(self, pair: WatchedStream) -> LatestFrame | None:
        """Return the frame that a pair is to be checked at; from now on it has been."""
        glimpse, pair.news = pair.news, None
        if glimpse is not None and self._gate is not None:
            pair.look = self._look(pair.stream, glimpse.frame)
        return glimpse

    def _pair(self, watch: Watch, stream: str) -> WatchedStream:
        pair = self.pairs.get((watch.id, stream))
        if pair is None:
            rise = Trigger()
            if to_question(watch.settings.condition).change:  # it must have been otherwise before
                rise = Trigger(since=0.0, told=True)
            pair = self.pairs[watch.id, stream] = WatchedStream(watch, stream, rise)
        return pair

    def _take(self, pair: WatchedStream, glimpse: LatestFrame) -> Iterator[ScoredCheck]:
        if self._gate is not None and pair.rise.score is not None and pair.news is None:
            now = self._look(pair.stream, glimpse.frame)
            if now.time >= pair.rise.time and self._gate.repeats(now, pair.look):
                yield ScoredCheck(pair, now.time, pair.rise.score)
                return
        pair.news = glimpse

    def _look(self, stream: str, frame: Frame) -> FrameSignature:
        look = self._looks.get(stream)
        if look is None or look.time != frame.time:
            gate = self._gate or Gate()
            look = self._looks[stream] = gate.look(frame)
        return look
