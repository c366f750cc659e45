"""One answer on its way: from a snapshot and a question to pieces of text, stoppable."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from longwatch.errors import ClosedError, LongwatchError, ModelError
from longwatch.memory.recall import need_of
from longwatch.models.constraint import Constraint
from longwatch.models.sampling import Sampler
from longwatch.models.text import TextStream
from longwatch.serve.answer import Delta, Done, Found, Started, Usage
from longwatch.serve.clock import Clock
from longwatch.serve.evidence import evidence, recalled
from longwatch.serve.ids import current_ids
from longwatch.serve.lengths import check_lengths
from longwatch.serve.passes import Pass
from longwatch.serve.ranges import limited
from longwatch.serve.sure import entropy
from longwatch.serve.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from torch import Tensor

    from longwatch.memory.context import Context
    from longwatch.memory.memory import Snapshot
    from longwatch.memory.need import Need
    from longwatch.models.base import VideoLM
    from longwatch.serve.answer import AnswerEvent, Evidence, Question, Status
    from longwatch.serve.observer import Observer
    from longwatch.serve.tracing import Way

    Steps = Generator[Pass | None, Tensor | None, None]
    Logits = Generator[Pass | None, Tensor | None, Tensor | None]

log = logging.getLogger(__name__)
PREFILL_TOKENS = 256  # of a dialogue in one pass, so that a long one holds nobody up


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
        observer: Observer,
        origin: float | None = None,  # when the stream's clock stood at 0, in seconds since 1970
        wake: Callable[[], None] = lambda: None,
        way: Way = UNTRACED,
    ) -> None:
        """Check the question; `wake` is called, on any thread, when the answer may be `ready`."""
        self.about = current_ids()  # what its log lines say
        self._ids = model.prompt_ids(question.turns)
        check_lengths(len(self._ids), question.sampling.max_tokens)
        self._question = question
        self._rule = None if question.schema is None else Constraint(model, question.schema)
        self._limits = limited(snapshot, question, origin)
        self._context: Context | None = None  # once the prefill began
        self._found: tuple[Evidence, ...] = ()
        self.as_of = snapshot.as_of or 0.0  # the newest frame that it sees, in stream seconds
        self._model = model
        self._listener = listener
        self._wake = wake
        self._need: Need | None = None  # of blocks on disk, while it waits for them
        self._cancelled = threading.Event()
        self._text: list[str] = []
        self._tokens = 0
        self.done = False  # whether the last event was sent
        self._clock = Clock(observer, way)

    @property
    def ready(self) -> bool:
        """Tell whether a step would go on; an answer that waits for the disk is not ready."""
        need = self._need
        return need is None or need.ready or self._cancelled.is_set()

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
        self._tell(Started(self.as_of, position))

    def steps(self) -> Steps:
        """Prefill, then decode a token a step; the engine decides when to go on.

        Whoever runs it sends the logits of each pass that it yields, or None to cancel it. Where
        it yields None it lets others go first; the pass after that is to be run without delay.
        """
        if self._cancelled.is_set():
            self._finish("cancelled", "client_cancelled")
            return
        sampling, model, rule = self._question.sampling, self._model, self._rule
        sampler = Sampler(sampling)
        text = TextStream(model.tokenizer if rule is None else rule, sampling.stop)
        self._clock.begin()
        logits = yield from self._prefill()
        while logits is not None:
            token = sampler.pick(logits if rule is None else rule.allowed(logits))
            self._clock.mark()
            if token in model.stop_ids:
                break
            self._tokens += 1
            self._emit(text.push(token))
            if self._tokens == 1:
                self._ground()
            if text.stopped or (rule is not None and rule.take(token)):
                break
            if self._tokens == sampling.max_tokens:
                self._emit(text.finish())
                self._finish("incomplete", "max_output_tokens")
                return
            logits = yield from self._next([token])
        if logits is None:
            self._finish("cancelled", "client_cancelled")
            return
        self._emit(text.finish())
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

    def _prefill(self) -> Logits:
        """Read the dialogue; return the logits after it, or None if cancelled.

        Where the policy has a gate, a model that is sure of its first word recalls nothing.
        """
        recalling = self._limits.snapshot.policy.recalling
        gate = None if recalling is None or self._limits.span else recalling.gate
        if gate is not None:
            logits = yield from self._read(recall=False)
            if logits is None or entropy(logits) < gate:
                return logits
        return (yield from self._read(recall=True))

    def _read(self, *, recall: bool) -> Logits:
        """Read the dialogue in passes over a new context; return the same.

        Where blocks on disk are missing, the first pass is read again once they are in RAM.
        """
        room = len(self._ids) + self._question.sampling.max_tokens
        rope, snapshot = self._model.decoder.rope, self._limits.snapshot
        while True:
            self._clock.recall()
            self._context = snapshot.context(rope, room=room, recall=recall, need=self._need)
            self._clock.prefill()
            logits = yield from self._next(self._ids[:PREFILL_TOKENS])
            self._need = need_of(self._context)
            if logits is None:
                return None
            if self._need is None or self._need.met():
                break
            self._clock.recall()
            self._need.ask(self._wake)
            yield None
            while not self.ready:
                yield None
            if self.cancelled:
                return None
            self._need.land()  # and read in this very step, before they may go again
        self._need = None
        for start in range(PREFILL_TOKENS, len(self._ids), PREFILL_TOKENS):
            if logits is not None:
                logits = yield from self._next(self._ids[start : start + PREFILL_TOKENS])
        return logits

    def _next(self, ids: list[int]) -> Logits:
        """Have `ids` read; return the same."""
        if self._context is None:
            return None
        last = self._context.length + len(ids) >= len(self._ids)
        return (yield Pass(ids, self._context, last, self.about))

    def _ground(self) -> None:
        """Say what the answer rests on; after its first word, which is not to wait for it."""
        if self._context is not None:
            self._found = evidence(self._model, self._context, self._limits)
            if self._clock.traced:
                self._clock.recalled = recalled(self._context)
            self._tell(Found(self._found))

    def _emit(self, piece: str) -> None:
        if piece:
            self._text.append(piece)
            self._tell(Delta(piece))

    def _tell(self, event: AnswerEvent) -> None:
        """Hand an event on; a listener that fails ends its own answer and nothing else."""
        try:
            self._listener(event)
        except Exception:
            log.exception("the listener of an answer failed")
            self.cancel()

    def _finish(self, status: Status, reason: str, error: LongwatchError | None = None) -> None:
        self.done = True
        if self._need is not None:
            self._need.close()
        context, limits = self._context, self._limits
        usage = Usage(0 if context is None else context.stored, len(self._ids), self._tokens)
        timing = self._clock.end(status, reason, usage)
        told = {"reason": reason, "tokens": self._tokens, "ms": round(timing.total_ms)}
        log.info("answer %s", status, extra=told)
        done = (status, reason, "".join(self._text), self.as_of, usage, timing, error, self._found)
        self._context = None  # whoever keeps the answer is not to keep all that it read
        self._tell(Done(*done, limits.span, limits.dropped))
