"""The answers under way: who is let in, whose turn it is, and who came too late."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.errors import LimitError
from longwatch.serve.answers.batch import run_batch
from longwatch.serve.answers.types import QuestionCounts
from longwatch.serve.engine.fairness import FairQueue, Tenant
from longwatch.serve.observability.context import log_context

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.batch import ForwardRequest
    from longwatch.serve.answers.reader import Steps

log = logging.getLogger(__name__)
FIRST_COST = 8.0  # of reading a question, in tokens decoded: its context is assembled then
FIRST_READS = 4  # of questions in one step, so that tokens under way and frames go on
RATE_ENDS = 32  # answers that the rate is measured over


@dataclass(slots=True, eq=False)
class _Request:
    answer: Answer
    owner: Tenant
    steps: Steps
    pending: ForwardRequest | None = None
    begun: bool = False
    over: bool = False

    def resume(self, found: Tensor | None) -> None:
        """Run the answer up to the pass that it wants next, or to its end."""
        with log_context(**self.answer.log_context):
            try:
                self.pending = self.steps.send(found)
            except StopIteration:
                self.over = True
            except Exception as error:
                log.exception("an answer failed")
                self.fail(error)

    def fail(self, error: Exception) -> None:
        with log_context(**self.answer.log_context):
            self.answer.fail(error)
        self.over = True


class AnswerScheduler:
    """Takes turns by `FairQueue`, up to `batch` answers in one pass of the model.

    Any thread adds; the model's thread steps. Of one key and stream, questions are answered in
    the order in which they came. Where there is no room, a question that has not begun gives way
    if who asked it has more under way than the newcomer: the newest of who has most.
    """

    def __init__(self, model: VideoLM, most: int, batch: int) -> None:
        self._model = model
        self._most = most
        self._batch = batch
        self._queue = FairQueue()
        self._requests: list[_Request] = []
        self._preempted: list[_Request] = []
        self._ends: deque[float] = deque(maxlen=RATE_ENDS)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._requests)

    def add(self, answer: Answer, owner: Tenant) -> None:
        """Take `answer` in and start it.

        Raises:
            LimitError: there are as many as there may be (`overloaded`), and nobody gives way.
        """
        with self._lock:
            if len(self._requests) >= self._most:
                self._preempt_for(owner)
            answer.start(len(self._requests))
            self._requests.append(_Request(answer, owner, answer.steps()))

    def waiting(self) -> bool:
        """Tell whether a step would do something."""
        with self._lock:
            return bool(self._preempted) or any(entry.answer.ready for entry in self._requests)

    def counts(self, stream: str) -> QuestionCounts:
        """Return how many questions about a stream are under way."""
        with self._lock:
            mine = [entry.begun for entry in self._requests if entry.owner.stream == stream]
        return QuestionCounts(sum(mine), len(mine) - sum(mine))

    def step(self) -> None:
        """Let those whose turn it is go on by one pass; on the model's thread."""
        self._fail_expired()
        with self._lock:
            chosen = self._choose()
            for entry in chosen:
                entry.begun = True
        for entry in chosen:
            if entry.pending is None or entry.answer.cancelled:
                entry.resume(None)
        reading = [(e, e.pending) for e in chosen if e.pending is not None and not e.over]
        found = run_batch(self._model, [wants for _, wants in reading])
        for (entry, _), result in zip(reading, found, strict=True):
            if isinstance(result, Exception):
                entry.fail(result)
            else:
                entry.resume(result)
        with self._lock:
            self._requests = [entry for entry in self._requests if not entry.over]
        self._ends.extend(time.monotonic() for entry in chosen if entry.over)

    def close(self) -> None:
        """End all of them because the service stops; the model's thread is over."""
        with self._lock:
            left = [*self._requests, *self._preempted]
            self._requests, self._preempted = [], []
        for entry in left:
            with log_context(**entry.answer.log_context):
                entry.answer.close()

    def _choose(self) -> list[_Request]:
        cancelled = [entry for entry in self._requests if entry.answer.cancelled]
        ready = [e for e in self._requests if e not in cancelled and e.answer.ready]
        costs = [FIRST_COST if e.pending is None else float(len(e.pending.ids)) for e in ready]
        picked = self._queue.pick([entry.owner for entry in ready], costs, self._batch)
        chosen = [ready[place] for place in picked]
        firsts = [entry for entry in chosen if entry.pending is None or len(entry.pending.ids) > 1]
        late = set(map(id, firsts[FIRST_READS:]))
        return cancelled + [entry for entry in chosen if id(entry) not in late]

    def _fail_expired(self) -> None:
        """End who had to give way, and who could not begin in time."""
        with self._lock:
            overdue = [entry for entry in self._requests if entry.answer.overdue]
            for entry in overdue:
                self._requests.remove(entry)
            ousted, self._preempted = self._preempted, []
        for entry in overdue:
            entry.fail(
                LimitError(
                    "the answer could not begin before the question's deadline, because others "
                    "were under way; ask again, or allow more time",
                    code="deadline_exceeded",
                    retry_after=self._retry_after(),
                )
            )
        for entry in ousted:
            entry.fail(self._overloaded())

    def _preempt_for(self, newcomer: Tenant) -> None:
        keys = Counter(entry.owner.key for entry in self._requests)
        owners = Counter(entry.owner for entry in self._requests)

        def load(owner: Tenant) -> tuple[int, int]:
            return keys[owner.key], owners[owner]

        idle = [entry for entry in self._requests if not entry.begun]
        if not idle:
            raise self._overloaded()
        most = max(reversed(idle), key=lambda entry: load(entry.owner))
        same = most.owner.key == newcomer.key
        if load(most.owner)[same] <= load(newcomer)[same] + 1:
            raise self._overloaded()
        self._requests.remove(most)
        self._preempted.append(most)

    def _overloaded(self) -> LimitError:
        return LimitError(
            f"{self._most} questions are under way, which is the limit; ask again in a moment or "
            "raise max_questions",
            retry_after=self._retry_after(),
        )

    def _retry_after(self) -> float:
        """Return the seconds in which a place becomes free, as fast as answers ended lately."""
        if len(self._ends) < 2:
            return 1.0
        return min(60.0, max(0.1, (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)))
