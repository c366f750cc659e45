"""Streams of the service: feeding one, and following one that somebody else feeds."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from longwatch.errors import ClosedError, FrameError
from longwatch.wire import HEADER, Flags, Kind, Packet

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from longwatch.errors import LongwatchError

ON_PURPOSE = frozenset({"rate", "gate", "budget"})  # frames are left out as the stream was set up

TOLD = ("message", "attempt", "retry_in_ms", "gap")


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What the server says about a stream, about once a second."""

    received: int  # messages that reached the server
    used: int  # frames that the model has read
    dropped: dict[str, int] = field(default_factory=dict)  # frames, by reason
    fps_in: float | None = None
    fps_used: float | None = None
    lag_ms: float | None = None  # of the newest frame, from its arrival until it was read
    queue: int = 0  # frames that wait for the model
    acked_seq: int | None = None  # the last message that the server took in
    memory: dict[str, Any] = field(default_factory=dict)
    sparing: dict[str, Any] = field(default_factory=dict)  # the share of tokens that is read, ...

    @classmethod
    def parse(cls, event: dict[str, Any]) -> StreamStats:
        """Return the statistics of an `lw.stream.stats` event."""
        dropped = event.get("dropped") or {}
        return cls(
            received=event.get("received") or 0,
            used=event.get("used") or 0,
            dropped=dropped if isinstance(dropped, dict) else {"any": dropped},
            fps_in=event.get("fps_in"),
            fps_used=event.get("fps_used"),
            lag_ms=event.get("lag_ms"),
            queue=event.get("queue") or 0,
            acked_seq=event.get("acked_seq"),
            memory=event.get("memory") or {},
            sparing=event.get("sparing") or {},
        )

    @property
    def lost(self) -> int:
        """Frames that should have been read and were not; what was left out on purpose is not."""
        return sum(n for reason, n in self.dropped.items() if reason not in ON_PURPOSE)


class StreamView:
    """A stream as a client sees it: its state and its latest statistics."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.state = "online"
        """`online`, `stalled`, `offline`, `ended`, ... as the server last said."""
        self.reason: str | None = None
        """Why it is in that state: a code such as `source_refused`."""
        self.told: dict[str, Any] = {}
        """What else the server said of the state: `message`, `attempt`, `retry_in_ms`, `gap`."""
        self.stats: StreamStats | None = None
        """The latest statistics; None until the first came."""
        self.faults: deque[LongwatchError] = deque(maxlen=16)
        """The latest errors of this stream that no request caused, such as a broken picture."""
        self._news = asyncio.Event()
        self._lost: LongwatchError | None = None

    async def next_stats(self) -> StreamStats:
        """Wait for the next statistics and return them.

        Raises:
            ClosedError: the connection is gone, or the stream.
        """
        before = self.stats
        while self.stats is before or self.stats is None:
            await self.changed()
        return self.stats

    async def changed(self) -> None:
        """Wait until there is news of this stream; its end is news, too, and the last.

        Raises:
            ClosedError: there will be no more: the connection is gone, or the stream.
        """
        if self._lost is not None:
            raise self._lost
        await self._news.wait()

    # The client's reader calls what follows.

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event about this stream."""
        if event["type"] == "lw.stream.stats":
            self.stats = StreamStats.parse(event)
        elif event["type"] == "lw.stream.state":
            self.state, self.reason = event.get("state", self.state), event.get("reason")
            self.told = {key: event[key] for key in TOLD if event.get(key) is not None}
            if event.get("reason") == "discarded":
                self.lose(ClosedError(f"the stream {self.stream!r} was discarded; open it again"))
        self._tell()

    def cut(self) -> None:
        """Take in that the connection is gone, and may come back."""

    def lose(self, error: LongwatchError) -> None:
        """Let everyone who waits know that nothing more will come, and why."""
        self._lost = error
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


_WRAP = 2**32
_PICTURES = frozenset({"image", "jpeg", "png", "webp", "raw_rgb"})


class PublisherTransport(Protocol):
    """What a publisher needs of its client."""

    async def send_packet(self, packet: Packet) -> None:
        """Send one binary message."""
        ...

    async def close_stream(self, stream: str, *, discard_memory: bool) -> None:
        """End a stream on the server."""
        ...


class Publisher(StreamView):
    """Feeds one stream; `Client.open_stream` makes it. A context manager."""

    def __init__(
        self,
        line: PublisherTransport,
        opened: dict[str, Any],
        *,
        max_bytes: int | None,
        max_inflight: int | None,
    ) -> None:
        super().__init__(opened["stream"])
        self.accepted: dict[str, Any] = opened.get("accepted") or {}
        """The format, sampling rate and so on that the server settled on."""
        self.sent = 0
        """Messages sent so far."""
        self._handle: int = opened["handle"]
        self._epoch: int = opened.get("epoch", 0)  # the number of this publisher
        self._line = line
        self._max_bytes = max_bytes
        self._max_inflight = max_inflight
        self.skipped = 0
        """Messages that were not sent because the connection was gone; a live stream skips them."""
        self.ended = False
        self.left = False
        self.opening: dict[str, Any] = {}  # the event that opened the stream, to open it again
        self._down = False
        self._fresh = False  # the next message is the first since the connection came back
        self._base = 0  # messages that earlier connections sent

    async def __aenter__(self) -> Self:
        """Return the publisher itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until all that was sent is read, and leave the stream; after an error at once."""
        if self._lost is None:
            if error is None:
                await self.drain()
            await self.close()

    async def send(
        self,
        payload: bytes,
        time: float,
        *,
        captured_at: float | None = None,
        keyframe: bool = False,
        epoch: bool = False,
        discontinuity: bool = False,
    ) -> None:
        """Send one picture or one piece of video that belongs at `time` seconds on the stream.

        Waits while the server does not keep up. While the connection is gone and tried again, what
        is live is skipped, and what the server was asked to `block` for waits. `captured_at` is
        when it was taken, in seconds since 1970. `epoch` marks the first piece after the encoder
        started anew; for pictures it means nothing. `discontinuity` says that the time jumps on
        purpose.

        Raises:
            FrameError: the payload is larger than the server takes; nothing was sent.
            ClosedError: the stream was ended, or the connection is gone.
        """
        room = None if self._max_bytes is None else self._max_bytes - HEADER.size
        if room is not None and len(payload) > room:
            raise FrameError(
                f"this message has {len(payload)} bytes and the server takes {room}; "
                "send smaller pictures, or video in smaller pieces",
                code="frame_too_large",
            )
        if self._down and not self._keeps_all:
            self.skipped += 1
            return
        await self._up()
        if self._fresh:
            if not (self._pictures or keyframe or epoch or self._joinable):
                self.skipped += 1
                return
            self._fresh, epoch, discontinuity = False, True, True
        flags = Flags.NONE
        if keyframe:
            flags |= Flags.KEYFRAME
        if discontinuity:
            flags |= Flags.DISCONTINUITY
        kind = Kind.IMAGE if self._pictures else Kind.EPOCH if epoch else Kind.CHUNK
        await self._send(kind, payload, time, flags, captured_at)

    async def end(self) -> None:
        """Say that nothing more will come, so that the server reads what it holds.

        The stream and its memory stay. Calling it again does nothing.
        """
        if not self.ended:
            await self._up()
            await self._send(Kind.END, b"", 0.0, Flags.NONE, None)
            self.ended = True

    async def drain(self) -> StreamStats | None:
        """End the stream, wait until the server is through with it, and return its statistics.

        Raises:
            ClosedError: the connection was lost first, or the stream was discarded or taken over.
        """
        await self.end()
        before = None
        while not self._settled(before):
            before = self.stats
            await self.next_stats()
        return self.stats

    async def close(self, *, discard_memory: bool = False) -> None:
        """Leave the stream to its next publisher; it is forgotten only with `discard_memory`.

        What was sent and not yet decoded is dropped; `drain` first to keep it.
        """
        self.ended = self.left = True
        await self._line.close_stream(self.stream, discard_memory=discard_memory)

    def cut(self) -> None:
        """Take in that the connection is gone, and may come back."""
        self._down = not self.left

    def back(self) -> None:
        """Take in that it is back."""
        self._down = False
        self._tell()

    async def end_again(self) -> None:
        """Say once more that nothing more will come."""
        self.ended = False
        await self.end()

    def take(self, event: dict[str, Any]) -> None:  # noqa: D102
        if event["type"] == "lw.stream.opened" and self._down:
            self._reopened(event)
        elif not self._down and event.get("epoch", self._epoch) > self._epoch:
            taken = f"another publisher feeds the stream {self.stream!r} now; attach to it"
            self.lose(ClosedError(taken))
        super().take(event)

    def _reopened(self, opened: dict[str, Any]) -> None:
        """Go on after the newest message that arrived before the connection was gone."""
        acked, epoch = opened.get("acked_seq"), opened.get("epoch", 0)
        if acked is not None and epoch == self._epoch + 1:  # nobody else's
            self.sent -= (self.sent - 1 - acked) % _WRAP
        self._handle, self._epoch = opened["handle"], epoch
        self._base, self._fresh, self.stats = self.sent, True, None
        self.back()

    async def _up(self) -> None:
        while self._down:
            await self.changed()

    @property
    def _keeps_all(self) -> bool:
        return self.accepted.get("on_full") == "block"

    @property
    def _joinable(self) -> bool:
        """Whether a decoder can begin anywhere in the format."""
        return self.accepted.get("format") == "mpegts"

    @property
    def _pictures(self) -> bool:
        return self.accepted.get("format") in _PICTURES

    def _settled(self, before: StreamStats | None) -> bool:
        """Return whether the server has taken in all that was sent, and is through with it.

        A piece of encoded video need not be one frame, so where the counts do not add up, two
        statistics that say the same have to do.
        """
        stats = self.stats
        if stats is None or stats.queue or stats.acked_seq != (self.sent - 1) % _WRAP:
            return False
        return stats.used + sum(stats.dropped.values()) == stats.received or stats == before

    async def _send(
        self, kind: Kind, payload: bytes, time: float, flags: Flags, captured_at: float | None
    ) -> None:
        if self.ended:
            raise ClosedError(f"the stream {self.stream!r} was ended here; open it again")
        while self._inflight_full():
            await self.changed()
        if self._lost is not None:
            raise self._lost
        captured = None if captured_at is None else round(captured_at * 1e6)
        pts = max(0, round(time * 1e6))
        packet = Packet(kind, self._handle, self.sent % _WRAP, pts, payload, flags, captured)
        self.sent += 1  # before the wait below, so that two senders never share a number
        await self._line.send_packet(packet)

    def _inflight_full(self) -> bool:
        """Return whether the server's credit is used up."""
        if self._max_inflight is None:
            return False
        acked = self.stats.acked_seq if self.stats else None
        done = self._base if acked is None else acked + 1
        return (self.sent - done) % _WRAP >= self._max_inflight
