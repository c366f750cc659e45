"""When the parts of one answer happened."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from longwatch.serve.answers.types import Timing
from longwatch.serve.observability.tracing import NO_TRACE

if TYPE_CHECKING:
    from longwatch.serve.answers.types import Status, Usage
    from longwatch.serve.observability.observer import EngineObserver
    from longwatch.serve.observability.tracing import Trace


class AnswerTimer:
    """Starts when a question is put, and tells the observer of each token, and who traces it."""

    def __init__(self, observer: EngineObserver, trace: Trace = NO_TRACE) -> None:
        self._observer = observer
        self._trace = trace
        self._asked = time.perf_counter()
        self._last = self._asked  # when the newest token was there
        self._first: float | None = None  # when the first token was there
        self.begun: float | None = None  # when the prefill began
        self.recalled = 0  # frames; counted where `traced`

    @property
    def waited(self) -> float:
        """Seconds since the question was put."""
        return time.perf_counter() - self._asked

    @property
    def traced(self) -> bool:
        """Whether somebody traces the answer."""
        return self._trace.trace is not None

    def start(self) -> None:
        """Note that the question was taken in."""
        self._observer.answer_started()

    def begin(self) -> None:
        """Note that the prefill begins."""
        self.begun = time.perf_counter()

    def mark(self) -> None:
        """Note that a token is there."""
        now = time.perf_counter()
        if self._first is None:
            self._first = now
            self._observer.first_token(now - self._asked)
            self._trace.add_event("first token")
            self._trace.begin_stage("decode")
        else:
            self._observer.next_token(now - self._last)
        self._last = now

    def recall(self) -> None:
        """Note that the context is put together, from what is at hand and what comes from disk."""
        self._trace.begin_stage("recall")

    def prefill(self) -> None:
        """Note that the dialogue begins to be read."""
        self._trace.begin_stage("prefill")

    def end(self, status: Status, reason: str, usage: Usage) -> Timing:
        """Note the answer's end; return where the time went."""
        timing = self.timing()
        self._observer.answer_done(status, timing.total_ms / 1000)
        first = {} if timing.ttft_ms is None else {"ttft_ms": timing.ttft_ms}
        self._trace.end(
            status,
            reason if status == "failed" else None,
            reason=reason,
            **asdict(usage),
            frames_recalled=self.recalled,
            **first,
        )
        return timing

    def timing(self) -> Timing:
        """Return where the time went, up to now."""
        return Timing(
            queue_ms=_ms(self._asked, self.begun),
            prefill_ms=_ms(self.begun, self._first),
            ttft_ms=_ms(self._asked, self._first),
            total_ms=self.waited * 1000,
        )


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1000
