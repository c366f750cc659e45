"""A frame's and a question's way through the service, stage after stage, told to who traces.

Nobody does unless `traces` is set: then what stands here does nothing, and OpenTelemetry is not
even imported. Nothing that is told is text of questions or answers.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

from longwatch.errors import LongwatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longwatch.types import Frame

HEADERS = ("traceparent", "tracestate")  # of W3C's Trace Context
_caller: ContextVar[Mapping[str, str]] = ContextVar("caller", default=MappingProxyType({}))


class Trace:
    """One frame's or question's way. This one is not traced: every method does nothing."""

    trace: str | None = None
    """The trace's id, in hexadecimal."""

    def begin_stage(self, stage: str, since: float | None = None) -> None:
        """End the stage before and begin `stage`, now or at `since`, on the monotonic clock."""

    def set_attributes(self, **figures: str | float) -> None:
        """Add figures to the stage under way."""

    def add_event(self, event: str) -> None:
        """Note that something happened now."""

    @contextmanager
    def admitting(self) -> Iterator[Trace]:
        """End the way where what is to go it is refused."""
        try:
            yield self
        except LongwatchError as error:
            self.end("refused", error.code)
            raise

    def end(self, outcome: str, error: str | None = None, **figures: str | float) -> None:
        """End the last stage and the way; `error` is a code. Again does nothing."""


NO_TRACE = Trace()


class Tracer:
    """Begins ways. This one traces none of them."""

    def frame(self, stream: str, frame: Frame) -> Trace:
        """Begin the way of a frame that is about to be read."""
        return NO_TRACE

    def question(self, model: str) -> Trace:
        """Begin the way of a question that was put now, see `current_ids` and `called_by`."""
        return NO_TRACE


@contextmanager
def called_by(headers: Mapping[str, str]) -> Iterator[None]:
    """Work for a request or a connection with these headers, which may name a trace."""
    before = _caller.set({name: headers[name] for name in HEADERS if name in headers})
    try:
        yield
    finally:
        _caller.reset(before)


def caller() -> Mapping[str, str]:
    """Return what the running code's caller said of its own trace."""
    return _caller.get()
