"""One answer on its way: from a snapshot and a question to pieces of text, stoppable."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from longwatch.errors import ClosedError, LongwatchError, ModelError
from longwatch.models.sampling import Sampler
from longwatch.serve.answers.batch import ForwardRequest, run_batch
from longwatch.serve.answers.evidence import evidence, joined, recalled
from longwatch.serve.answers.plan import plan_answer
from longwatch.serve.answers.timer import AnswerTimer
from longwatch.serve.answers.types import Delta, Done, EvidenceFound, Started, Usage
from longwatch.serve.observability.context import current_context
from longwatch.serve.observability.tracing import NO_TRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from torch import Tensor

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM
    from longwatch.models.voice import Voice
    from longwatch.serve.answers.reader import Steps
    from longwatch.serve.answers.types import AnswerEvent, Evidence, Question, Status
    from longwatch.serve.observability.observer import EngineObserver
    from longwatch.serve.observability.tracing import Trace

    Saying = Generator[ForwardRequest | None, Tensor | None, tuple[Status, str] | None]

log = logging.getLogger(__name__)


class Answer:
    """Stands on one snapshot, so whatever the stream reads meanwhile cannot change it.

    The engine's thread runs it; anybody may cancel it. The listener gets `Started`, then pieces
    of text, then exactly one `Done`.
    """

    def __init__(
        self,
        question: Question,
        snapshot: Snapshot,
        model: VideoLM,
        listener: Callable[[AnswerEvent], None],
        observer: EngineObserver,
        origin: float | None = None,  # when the stream's clock stood at 0, in seconds since 1970
        wake: Callable[[], None] = lambda: None,
        trace: Trace = NO_TRACE,
    ) -> None:
        """Check the question; `wake` is called, on any thread, when the answer may be `ready`."""
        self.log_context = current_context()  # what its log lines say
        self._question = question
        self._parts, self._tail, self._limits = plan_answer(
            model, question, snapshot, origin, wake, self.log_context
        )
        self._reader = self._parts[0].reader
        self._stored = self._read = 0  # tokens of the stream's memory, and of dialogues
        self._shown: list[tuple[Evidence, ...]] = []  # by part
        self._found: tuple[Evidence, ...] = ()  # of all of them
        self.as_of = snapshot.as_of or 0.0  # the newest frame that it sees, in stream seconds
        self._model = model
        self._listener = listener
        self._wake = wake
        self._cancelled = threading.Event()
        self._text: list[str] = []
        self._tokens = 0
        self.done = False  # whether the last event was sent
        self._clock = AnswerTimer(observer, trace)

    @property
    def ready(self) -> bool:
        """Tell whether a step would go on; an answer that waits for the disk is not ready."""
        return self._reader.ready or self._cancelled.is_set()

    @property
    def begun(self) -> bool:
        """Tell whether the prefill began."""
        return self._clock.begun is not None

    @property
    def cancelled(self) -> bool:
        """Tell whether the answer was cancelled; its next step is then its last."""
        return self._cancelled.is_set()

    @property
    def overdue(self) -> bool:
        """Tell whether it should have begun by now and has not."""
        deadline = self._question.deadline
        return not self.begun and deadline is not None and self._clock.waited > deadline

    def cancel(self) -> None:
        """Stop decoding within two steps; doing so again, or after the end, does nothing."""
        self._cancelled.set()
        self._wake()

    def start(self, position: int) -> None:
        """Say that the answer was taken in, behind `position` others."""
        self._clock.start()
        self._notify(Started(self.as_of, position))

    def steps(self) -> Steps:
        """Prefill, then decode a token a step; the engine decides when to go on.

        Whoever runs it sends the logits of each pass that it yields, or None to cancel it. Where
        it yields None it lets others go first; the pass after that is to be run without delay.
        """
        if self._cancelled.is_set():
            self._finish("cancelled", "client_cancelled")
            return
        sampler = Sampler(self._question.sampling)
        self._clock.begin()
        for i, part in enumerate(self._parts):
            if i and self._tokens >= self._question.sampling.max_tokens:
                self._finish("incomplete", "max_output_tokens")
                return
            self._reader = part.reader
            ended = yield from self._generate_part(part.voice, sampler)
            self._stored = max(self._stored, self._reader.stored)
            self._reader.close()
            if ended is not None:
                self._finish(*ended)
                return
        self._emit(self._tail)
        self._finish("completed", "stop")

    def fail(self, error: Exception) -> None:
        """End the answer because of `error`; after the end it does nothing."""
        if self.done:
            return
        if not isinstance(error, LongwatchError):
            error = ModelError(
                f"the model failed while answering ({type(error).__name__}: {error})"
            )
        self._finish("failed", error.code, error)

    def close(self) -> None:
        """End the answer because the engine stops."""
        self.fail(ClosedError("the service is stopping; ask again when it is back"))

    def _generate_part(self, voice: Voice, sampler: Sampler) -> Saying:
        """Write one part of the answer; return how that ended all of it, if it did."""
        self._read += len(self._reader.ids)
        logits = yield from self._reader.prefill(self._clock, self._cancelled.is_set)
        first = True
        while logits is not None:
            token = sampler.pick(voice.allowed(logits))
            self._clock.mark()
            if first:
                self._emit(voice.lead)
            if token in self._model.stop_ids:
                break
            self._tokens += 1
            self._emit(voice.push(token))
            if first:
                self._emit_evidence()
            first = False
            if voice.whole:
                break
            if self._tokens >= self._question.sampling.max_tokens:
                self._emit(voice.cut())
                return "incomplete", "max_output_tokens"
            logits = yield from self._reader.next([token])
        if logits is None:
            return "cancelled", "client_cancelled"
        self._emit(voice.finish())
        return None

    def _emit_evidence(self) -> None:
        """Say what the answer rests on; after a part's first word, which is not to wait for it."""
        context = self._reader.context
        if context is None:
            return
        found = evidence(self._model, context, self._reader.limits)
        self._shown.append(found)
        if self._clock.traced:
            self._clock.recalled = max(self._clock.recalled, recalled(context))
        together = joined(self._shown)
        if together != self._found or len(self._shown) == 1:
            self._found = together
            self._notify(EvidenceFound(together))

    def _emit(self, piece: str) -> None:
        if piece:
            self._text.append(piece)
            self._notify(Delta(piece))

    def _notify(self, event: AnswerEvent) -> None:
        """Hand an event on; a listener that fails ends its own answer and nothing else."""
        try:
            self._listener(event)
        except Exception:
            log.exception("the listener of an answer failed")
            self.cancel()

    def _finish(self, status: Status, reason: str, error: LongwatchError | None = None) -> None:
        self.done = True
        limits = self._limits
        stored = max(self._stored, self._reader.stored)
        usage = Usage(stored, self._read or len(self._reader.ids), self._tokens)
        timing = self._clock.end(status, reason, usage)
        told = {"reason": reason, "tokens": self._tokens, "ms": round(timing.total_ms)}
        log.info("answer %s", status, extra=told)
        done = (status, reason, "".join(self._text), self.as_of, usage, timing, error, self._found)
        for part in self._parts:  # whoever keeps the answer is not to keep all that it read
            part.reader.close()
        self._notify(Done(*done, limits.span, limits.dropped))


def run_to_completion(model: VideoLM, answer: Answer) -> int:
    """Run an answer to its end with nothing beside it; return how many passes it took.

    Raises what the model raises, as there is no engine that would end the answer for it.
    """
    steps, count = answer.steps(), 0
    found: Tensor | None = None
    while True:
        try:
            wanted = steps.send(None if answer.cancelled else found)
        except StopIteration:
            return count
        if wanted is not None:
            (result,) = run_batch(model, [wanted])
            if isinstance(result, Exception):
                raise result
            found, count = result, count + 1
