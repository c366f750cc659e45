"""What a stream's memory holds of its past, stretch by stretch, as a timeline shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from longwatch.wire import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.view import View
    from longwatch.serve.streams.stream import Stream
    from longwatch.stream.timeline import Gap

PICTURES = 240  # of a timeline, evenly over it
QUESTIONS = ALERTS = 100  # the newest


def past(stream: Stream, since: float, until: float) -> dict[str, Any]:
    """Return the stretch from `since` to `until`, in seconds, as it stands on the wire.

    Its size is bounded however old the stream is: a stretch of the window, one for each rung of
    the archive, and some of the pictures. It may wait for the disk.
    """
    memory = stream.memory.stats()
    segments = _at_hand(stream, memory.device_bytes)
    view = stream.memory.snapshot().view
    if view is not None:
        segments += _sealed(view, [size for _, size in memory.rungs])
        segments.sort(key=lambda one: (one["from"], one["to"]))
    times = [time for time in stream.gallery.times() if since <= time <= until]
    told = [each for each in stream.diary.alerts() if since <= each.time <= until]
    asked = [each for each in stream.diary.all() if since <= each.as_of <= until]
    ends = [end for one in segments for end in (one["from"], one["to"])]
    return {
        "from": microseconds(max(since, min(ends, default=0) / 1e6)),
        "to": microseconds(min(until, max(ends, default=0) / 1e6)),
        "segments": [
            one for one in segments if one["to"] >= since * 1e6 and one["from"] <= until * 1e6
        ],
        "gaps": _gaps(stream.timeline.gaps, since, until),
        "pictures": [microseconds(time) for time in _some(times)],
        "questions": [
            {"at": microseconds(each.as_of), "text": each.question, "answer": each.answer}
            for each in asked[-QUESTIONS:]
        ],
        "alerts": [
            {"at": microseconds(each.time), "watch_id": each.watch, "text": each.text}
            for each in told[-ALERTS:]
        ],
    }


def _at_hand(stream: Stream, nbytes: int) -> list[dict[str, Any]]:
    """Return the frames of the window, from its oldest; sinks stand before it."""
    held = [s for s in stream.memory.snapshot().segments if s.time is not None]
    if not held:
        return []
    breaks = [i for i in range(1, len(held)) if held[i].index - held[i - 1].index > 1]
    found, total = list[dict[str, Any]](), sum(s.nbytes for s in held)
    for start, end in zip([0, *breaks], [*breaks, len(held)], strict=True):
        some = held[start:end]
        share = sum(s.nbytes for s in some) / max(1, total)
        kind = "window" if end == len(held) else "sink"
        frames = sum(s.frames for s in some)
        found.append(
            _stretch(kind, some[0].start or 0.0, some[-1].time, frames, round(nbytes * share))
        )
    return found[-1:] if len(found) > 2 else found  # frames that wait to be sealed leave holes


def _sealed(view: View, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the rungs of an archive, oldest first: `sealed` as they came, `faded` by age."""
    ids = np.flatnonzero(view.allowed())
    rows, at = view.rows, ids - view.base
    found = []
    for rung in sorted(set(rows.rung[at].tolist()), reverse=True):
        here = at[rows.rung[at] == rung]
        first, last = rows.time[here, 0], rows.time[here, rows.length[here] - 1]
        used = np.arange(rows.frame.shape[1]) < rows.length[here, None]
        frames = len(np.unique(rows.frame[here][used]))
        kind = "faded" if rung else "sealed"
        found.append(_stretch(kind, first.min(), last.max(), frames, sizes[rung]))
    return found


def _stretch(
    kind: str, since: float, until: float | None, frames: int, nbytes: int
) -> dict[str, Any]:
    ends = {"from": microseconds(since), "to": microseconds(since if until is None else until)}
    return {"kind": kind, **ends, "frames": frames, "bytes": nbytes}


def _gaps(gaps: Sequence[Gap], since: float, until: float) -> list[list[int]]:
    return [
        [microseconds(gap.start), microseconds(gap.end)]
        for gap in gaps
        if gap.end >= since and gap.start <= until
    ]


def _some(times: Sequence[float]) -> list[float]:
    """Return at most `PICTURES` of the times, the first and the last among them."""
    if len(times) <= PICTURES:
        return list(times)
    chosen = np.linspace(0, len(times) - 1, PICTURES).round().astype(int)
    return [times[i] for i in chosen]
