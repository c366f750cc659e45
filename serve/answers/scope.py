"""What stretch of the stream a question is about, and what an answer may recall of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longwatch.serve.answers.time_expressions import StreamNow, TimeRange, parse_time_range

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot
    from longwatch.serve.answers.types import Question


@dataclass(frozen=True, slots=True, eq=False)
class RecallScope:
    """A snapshot that recalls nothing outside `span`; all of the past where that is None."""

    snapshot: Snapshot
    span: TimeRange | None = None
    dropped: bool = False  # a range was asked for, or said, of which no frame is held


def limit_recall(
    snapshot: Snapshot, question: Question, origin: float | None = None
) -> RecallScope:
    """Limit what is recalled to the range that is asked for, or that the question says.

    `origin` is when the stream's clock stood at 0, in seconds since 1970, if that is known. What
    is at hand stays, as do the segments that a policy recalls pieces of (LiveVLM's memory). A
    moment reaches at least to the frames on either side of it.
    """
    span, now = question.range, snapshot.as_of
    if now is None:
        return RecallScope(snapshot)
    if span == "auto":
        wall = None if origin is None else datetime.fromtimestamp(origin + now, UTC).astimezone()
        span = parse_time_range(question.turns[-1].text, StreamNow(now, wall))
    if span is None:
        return RecallScope(snapshot)
    if span.near is not None:
        span = _reaching(snapshot, span, span.near)
    view = snapshot.view and snapshot.view.between(span.since, span.until)
    held = any(
        s.start is not None
        and s.time is not None
        and s.start <= span.until
        and s.time >= span.since
        for s in snapshot.segments
    )
    if not held and (view is None or not view.allowed().any()):
        return RecallScope(snapshot, dropped=True)
    return RecallScope(snapshot.between(span.since, span.until), span)


def _reaching(snapshot: Snapshot, span: TimeRange, near: float) -> TimeRange:
    """Return `span` with the last frame up to the moment `near` and the first one after it.

    Where `near` is before all frames or after them, it stays as it is.
    """
    times = [t for s in snapshot.segments for t in (s.start, s.time) if t is not None]
    if snapshot.view is not None:
        times += snapshot.view.nearest(near)
    before, after = [t for t in times if t <= near], [t for t in times if t > near]
    if before and after:
        return TimeRange(min(span.since, max(before)), max(span.until, min(after)), near)
    return span
