"""The one thread that owns the model, and the streams and answers that it serves in turn."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import torch

from longwatch.errors import ClosedError
from longwatch.memory.quota import Quota
from longwatch.serve.answers.answer import Answer
from longwatch.serve.auth.principal import current
from longwatch.serve.engine.answer_scheduler import AnswerScheduler
from longwatch.serve.engine.fairness import IdleQueue, Tenant, WeightedShare
from longwatch.serve.engine.frame_scheduler import FrameScheduler, default_batch
from longwatch.serve.engine.persistence import StreamPersistence
from longwatch.serve.engine.settings import EngineSettings
from longwatch.serve.engine.utilization import Utilization
from longwatch.serve.observability.context import log_context
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.observability.tracing import Tracer
from longwatch.serve.streams.registry import StreamRegistry
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import Stream
from longwatch.serve.streams.thumbnails import ThumbnailWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.types import AnswerEvent, Question

log = logging.getLogger(__name__)


class Engine:
    """Reads frames and answers questions, a small step at a time.

    Only its own thread touches the model. A question waits for at most one step, never for a
    queue of frames; a frame waits for its share, never for an answer's end.
    """

    def __init__(
        self,
        model: VideoLM,
        settings: EngineSettings | None = None,
        observer: EngineObserver | None = None,
        persistence: StreamPersistence | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.model = model
        self._persistence = persistence or StreamPersistence()
        self.settings = settings or EngineSettings()
        self.quota = self._persistence.quota = Quota(self.settings.quota)
        self._observer = observer or EngineObserver()
        self._tracer = tracer or Tracer()
        self._share = WeightedShare(self.settings.frame_share)
        self._streams = StreamRegistry(self.settings.max_streams, self.settings.key_streams)
        self._answer_scheduler = AnswerScheduler(
            model, self.settings.max_questions, self.settings.answer_batch
        )
        self._frame_scheduler = FrameScheduler(
            self._streams,
            model,
            self._observer,
            chunk=self.settings.chunk_tokens,
            batch=self.settings.frame_batch or default_batch(model.decoder.device),
        )
        self._callbacks: deque[Callable[[], None]] = deque()
        self._idle_queue = IdleQueue()
        self.utilization = Utilization()
        self._thumbnail_worker = ThumbnailWorker()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="longwatch-model", daemon=True)

    def start(self) -> None:
        """Bring back the streams that were kept, then start the model's thread."""
        for stream in self._persistence.restore(self._make, self.model, self.run_soon):
            self._streams.add(stream)
            self.quota.join(stream.memory)
        self.quota.settle()
        self._thread.start()

    def run_soon(self, work: Callable[[], None]) -> None:
        """Run `work` on the model's thread between two steps; from any thread."""
        with self._wake:
            self._callbacks.append(work)
            self._wake.notify_all()

    def run_when_idle(self, job: Callable[[], None]) -> None:
        """Run a short `job` on the model's thread when nobody waits for it; see `IdleQueue`."""
        with self._wake:
            self._idle_queue.offer(job)
            self._wake.notify_all()

    @property
    def alive(self) -> bool:
        """Tell whether questions and frames are being served."""
        return self._thread.is_alive() and not self._closing

    @property
    def disk_error(self) -> str | None:
        """Why nothing is kept on disk for now, as a code; None where all that is to be kept is."""
        return self._persistence.disk_error

    def close(self) -> None:
        """Stop after the running step; answers under way end as failed. Again does nothing."""
        self._closing = True
        self._notify()
        if self._thread.is_alive():
            self._thread.join()
        self._answer_scheduler.close()
        self._thumbnail_worker.close()
        for stream in self.streams():
            stream.close()

    def open_stream(self, name: str, settings: StreamSettings | None = None) -> Stream:
        """Make a stream.

        Raises:
            InputError: the name is taken (`stream_exists`) or not a name (`invalid_name`), or the
                stream is to be kept and there is no folder for it (`no_data`).
            LimitError: there are `max_streams` already (`too_many_streams`), or their blocks leave
                no room for another one's (`memory_full`, `storage_full`).
        """
        stream = self._make(name, settings or StreamSettings())
        self._persistence.admit(stream)
        decoder = self.model.decoder
        kept = stream.settings.persist
        self.quota.admit(stream.memory.policy, decoder.layers, decoder.channels, kept=kept)
        self._streams.add(stream)
        self.quota.join(stream.memory)
        self._persistence.persist(stream, self.model, self.run_soon)
        return stream

    def stream(self, name: str) -> Stream:
        """Return the stream called `name`, or raise `NotFoundError` (`stream_not_found`)."""
        return self._streams.get(name)

    def streams(self) -> list[Stream]:
        """Return all streams, oldest first."""
        return self._streams.all()

    def close_stream(self, name: str) -> None:
        """Forget a stream and its memory; answers under way keep their snapshots."""
        stream = self._streams.remove(name)
        self.quota.leave(stream.memory)
        stream.discard()

    def ask(
        self, stream: str, question: Question, listener: Callable[[AnswerEvent], None]
    ) -> Answer:
        """Put `question` about exactly the frames committed before this call; returns at once.

        `listener` must not block. It gets `Started` before this returns, then the other events on
        the engine's thread. When this raises, it gets nothing.

        The model's time is shared out among those on whose behalf it is asked, see `current`. A
        question that has not begun to be answered fails where it is past its deadline
        (`deadline_exceeded`), and where it gives way to somebody who has fewer (`overloaded`).

        Raises:
            NotFoundError: there is no such stream (`stream_not_found`).
            EmptyStreamError: no frame of it can be seen.
            InputError: the question is too long, or asks for too long an answer.
            LimitError: `max_questions` are under way (`overloaded`), and nobody gives way.
            ClosedError: the engine is stopping.
        """
        asked = self.stream(stream)
        snapshot = asked.snapshot(question.as_of)
        listener = asked.dialogue.recording(question, listener)
        origin = asked.timeline.origin
        with (
            log_context(stream=asked.name),
            self._tracer.question(self.model.name).admitting() as trace,
        ):
            answer = Answer(
                question,
                snapshot,
                self.model,
                listener,
                self._observer,
                origin,
                self._notify,
                trace,
            )
            with self._wake:
                if self._closing:
                    raise ClosedError("the service is stopping; ask again when it is back")
                self._answer_scheduler.add(answer, Tenant(current().id, asked.name))
                self._wake.notify_all()
        return answer

    def _make(self, name: str, settings: StreamSettings) -> Stream:
        stream = Stream(
            name,
            settings,
            self.model,
            self._observer,
            self._notify,
            self._thumbnail_worker,
            self._tracer,
        )
        stream.questions = partial(self._answer_scheduler.counts, name)
        return stream

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify_all()

    @torch.inference_mode()
    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._waiting())
                if self._closing:
                    return
                frames, answers = self._frame_scheduler.waiting(), self._answer_scheduler.waiting()
                callbacks, self._callbacks = self._callbacks, deque()
            with self.utilization.measure("other"):
                for callback in callbacks:
                    callback()
                self._idle_queue.run(busy=frames or answers)
            turn = self._share.next_kind(frames=frames, answers=answers)
            start = time.perf_counter()
            if turn == "frame":
                with self.utilization.measure("frame"):
                    self._frame_scheduler.step()
            elif turn == "answer":
                with self.utilization.measure("answer"):
                    self._answer_scheduler.step()
            if turn is not None and frames and answers:
                self._share.charge(turn, time.perf_counter() - start)

    def _waiting(self) -> bool:
        if self._callbacks or self._idle_queue:
            return True
        return self._answer_scheduler.waiting() or self._frame_scheduler.waiting()
