"""One stream in the server: its buffer, its clock and its memory. It outlives connections."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from longwatch.errors import EmptyStreamError
from longwatch.memory.memory import Memory
from longwatch.serve.answers.types import QuestionCounts
from longwatch.serve.observability.tracing import Tracer
from longwatch.serve.streams.dialogue_log import DialogueLog
from longwatch.serve.streams.reduction import FrameReducer
from longwatch.serve.streams.thumbnails import ThumbnailStore, ThumbnailWorker
from longwatch.stream.buffer import DropPolicy, LatestBuffer
from longwatch.stream.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM
    from longwatch.serve.observability.observer import EngineObserver
    from longwatch.serve.observability.tracing import Trace
    from longwatch.serve.streams.disk import StreamDisk
    from longwatch.serve.streams.reduction import ReductionStats
    from longwatch.serve.streams.settings import StreamSettings
    from longwatch.types import Frame, MemoryStats, VisualTokens

    Reads = Generator[Frame | None, "EncodedFrame | None", None]
    Outcome = Literal["used", "late", "gate", "budget", "failed"]

RATE_SPAN = 10.0  # seconds over which frames per second are counted


class EncodedFrame(NamedTuple):
    """What a frame became in the vision tower."""

    tokens: VisualTokens
    seconds: float  # that it took


class LatestFrame(NamedTuple):
    """The newest frame that was read, and all tokens that the tower made of it."""

    frame: Frame
    tokens: VisualTokens


@dataclass(frozen=True, slots=True)
class StreamStats:
    """How a stream is doing."""

    frames_read: int
    frames_failed: int  # the model could not read them
    frames_late: int  # older than what was read already
    dropped_busy: int  # pushed out of the buffer while the model was busy
    fps_read: float  # over the last ten seconds
    lag_ms: float | None  # of the newest frame, from its arrival to its commit
    queue: int  # frames that wait now
    questions: QuestionCounts  # about it, under way now
    sparing: ReductionStats
    memory: MemoryStats


class Stream:
    """Made by the engine. Anybody may offer frames and take snapshots; one thread reads."""

    def __init__(
        self,
        name: str,
        settings: StreamSettings,
        model: VideoLM,
        observer: EngineObserver,
        wake: Callable[[], None],
        worker: ThumbnailWorker | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Begin empty; `worker` makes the pictures, together with those of other streams."""
        self.name = name
        self.settings = settings
        self.created = time.time()
        self.buffer = LatestBuffer(settings.queue, settings.on_full, on_put=wake)
        self.timeline = Timeline()
        self.memory = Memory(settings.make_policy(model), model.decoder.rope)
        self.memory.hot_bytes = settings.hot_mb << 20
        self.memory.pruning = settings.make_pruning(model)
        self.questions: Callable[[], QuestionCounts] = QuestionCounts  # how many are under way
        self.disk: StreamDisk | None = None  # its place on disk, see `attach_disk`
        self.thumbnails = ThumbnailStore(worker or ThumbnailWorker(), settings.picture_mb << 20)
        self.dialogue = DialogueLog()
        self.newest: LatestFrame | None = None
        self.device = model.decoder.device
        self._model = model
        self._observer = observer
        self._tracer = tracer or Tracer()
        self._reducer = FrameReducer(settings.sparing)
        self._lock = threading.Lock()
        self._commits: deque[float] = deque()
        self._read = self._failed = self._late = 0
        self._lag: float | None = None

    def offer(self, frame: Frame) -> None:
        """Put `frame` into the buffer; when that is full, its policy says which one goes."""
        self.buffer.put(frame)

    def snapshot(self, as_of: float | None = None) -> Snapshot:
        """Return what the memory holds, up to `as_of` seconds on the stream's clock.

        Raises:
            EmptyStreamError: not one frame of it is held.
        """
        snapshot = self.memory.snapshot()
        if as_of is not None:
            snapshot = snapshot.until(as_of)
        if snapshot.as_of is None:
            which = "no frame has been read yet" if as_of is None else f"no frame up to {as_of} s"
            raise EmptyStreamError(
                f"there is nothing to answer from in stream {self.name!r}: {which}; push frames "
                "first, or ask about a later moment"
            )
        return snapshot

    def read(self, frame: Frame, chunk: int) -> Reads:
        """Encode, compress, read and commit `frame`, in steps; a failed frame leaves no trace.

        Whoever runs it sends what the frame became where it is yielded to be encoded.
        """
        trace = self._tracer.frame(self.name, frame)
        outcome: Outcome = "failed"
        try:
            outcome = yield from self._read_on(frame, chunk, trace)
        finally:
            self.memory.rollback()
            trace.end(outcome, "model_error" if outcome == "failed" else None)

    def _read_on(
        self, frame: Frame, chunk: int, trace: Trace
    ) -> Generator[Frame | None, EncodedFrame | None, Outcome]:
        """Read `frame` as far as it is worth; return what became of it."""
        model, memory = self._model, self.memory
        last = memory.snapshot().as_of
        if last is not None and frame.time <= last:
            with self._lock:
                self._late += 1
            return "late"
        trace.begin_stage("gate")
        if self._reducer.is_duplicate(frame):
            return "gate"
        if last is None:
            trace.begin_stage("open")
            yield from self._open(chunk)
        trace.begin_stage("encode")
        # Where nothing is ever lost, a row of frames is no sign that the model is slow.
        waiting = 0 if self.buffer.policy is DropPolicy.BLOCK else len(self.buffer)
        encoded = yield frame
        if encoded is None:
            raise RuntimeError("a frame that was to be encoded was not")
        yield None
        trace.begin_stage("compress")
        kept = self._reducer.compress(
            encoded.tokens, frame, lost=self.buffer.dropped, waiting=waiting
        )
        if kept is None:
            return "budget"
        trace.set_attributes(tokens_before=len(encoded.tokens), tokens=len(kept))
        trace.begin_stage("read")
        source = model.frame_input(kept, frame.time)
        draft = memory.begin(source.positions, frame.time, source.advance, source.visual)
        yield from model.read(source, draft, chunk)
        trace.begin_stage("commit")
        memory.commit()
        self.newest = LatestFrame(frame, encoded.tokens)
        self.thumbnails.add(frame)
        self._reducer.commit(frame)
        self._count(frame)
        self._observer.frame_read(self.name, self._lag or 0.0, encoded.seconds)
        return "used"

    def attach_disk(self, kept: StreamDisk) -> None:
        """Keep pictures and the dialogue on disk, too, from now on."""
        self.disk = self.thumbnails.disk = self.dialogue.disk = kept

    def close(self) -> None:
        """Take no more frames, and hand what was read to the disk; the model's thread is over."""
        self.buffer.close()
        if self.disk is not None:
            self.disk.flush()

    def discard(self) -> None:
        """Take no more frames, and forget what is on disk."""
        self.buffer.close()
        if self.disk is not None:
            self.disk.delete()

    def fail(self) -> None:
        """Count a frame that could not be read."""
        with self._lock:
            self._failed += 1

    def stats(self) -> StreamStats:
        """Return how the stream is doing, from any thread."""
        with self._lock:
            self._forget(time.monotonic())
            return StreamStats(
                frames_read=self._read,
                frames_failed=self._failed,
                frames_late=self._late,
                dropped_busy=self.buffer.dropped,
                fps_read=self._rate(),
                lag_ms=None if self._lag is None else self._lag * 1000,
                queue=len(self.buffer),
                questions=self.questions(),
                sparing=self._reducer.stats(),
                memory=self.memory.stats(),
            )

    def _open(self, chunk: int) -> Iterator[None]:
        """Read the text that opens every stream; once, before the first frame."""
        ids = self._model.prefix_ids()
        if not ids or self.memory.snapshot().segments:
            return
        source = self._model.text_input(ids)
        draft = self.memory.begin(source.positions, None)
        yield from self._model.read(source, draft, chunk)
        self.memory.commit()

    def _count(self, frame: Frame) -> None:
        now = time.monotonic()
        with self._lock:
            self._read += 1
            self._lag = now - frame.arrived if frame.arrived else None
            self._commits.append(now)
            self._forget(now)

    def _rate(self) -> float:
        """Return frames a second between the first and the last of the last ten seconds."""
        if len(self._commits) < 2:
            return 0.0
        return (len(self._commits) - 1) / (self._commits[-1] - self._commits[0])

    def _forget(self, now: float) -> None:
        while self._commits and self._commits[0] < now - RATE_SPAN:
            self._commits.popleft()
