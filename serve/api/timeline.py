"""What a stream holds of its past: its timeline and its pictures, over HTTP."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from longwatch.errors import NotFoundError
from longwatch.memory.durable.thumbnail import narrowed
from longwatch.wire import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.view import View
    from longwatch.serve.service import Service
    from longwatch.serve.streams.stream import Stream
    from longwatch.stream.timeline import Gap

PICTURES = 240  # of a timeline, evenly over it
QUESTIONS = ALERTS = 100  # the newest


def timeline_json(stream: Stream, since: float, until: float) -> dict[str, Any]:
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
    times = [time for time in stream.thumbnails.times() if since <= time <= until]
    told = [each for each in stream.dialogue.alerts() if since <= each.time <= until]
    asked = [each for each in stream.dialogue.all() if since <= each.as_of <= until]
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


AGE = 3600  # seconds that a browser may keep a picture, which never changes
Pts = Annotated[int, Path(ge=0, lt=2**63)]
Moment = Annotated[int, Query(ge=0, lt=2**63)]
Near = Annotated[int, Query(ge=0, le=86_400_000_000)]
Width = Annotated[int | None, Query(ge=16, le=4096)]  # pixels
Known = Annotated[str | None, Header(alias="If-None-Match")]


def routes(service: Service) -> APIRouter:
    """Return the routes to what was seen. They may wait for the disk, so they run on threads."""
    router = APIRouter()

    @router.get("/v1/streams/{name}/frames/{pts_us}.jpg", response_class=Response)
    def picture(
        name: str,
        pts_us: Pts,
        within_us: Near = 5_000_000,
        width: Width = None,
        known: Known = None,
    ) -> Response:
        """Return the picture nearest to a moment, at most `within_us` away, as a small JPEG.

        It is at most `width` pixels wide, and never wider than it was kept.
        """
        found = service.engine.stream(name).thumbnails.nearest(pts_us / 1e6)
        if found is None or abs(microseconds(found.time) - pts_us) > within_us:
            near = "none at all" if found is None else f"the nearest is {found.time:.3f} s"
            raise NotFoundError(
                f"there is no picture of {name!r} at {pts_us / 1e6:.3f} s ({near}); pictures of "
                "the past get sparse with age, so allow more with within_us",
                code="picture_gone",
                param="pts_us",
            )
        jpeg = found.jpeg if width is None else narrowed(found.jpeg, width)
        tag = f'"{blake2b(jpeg, digest_size=8).hexdigest()}"'
        headers = {
            "ETag": tag,
            "Cache-Control": f"private, max-age={AGE}",
            "X-Content-Type-Options": "nosniff",
            "X-Longwatch-Pts-Us": str(microseconds(found.time)),
        }
        if known == tag:
            return Response(status_code=304, headers=headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    @router.get("/v1/streams/{name}/timeline")
    def timeline(
        name: str,
        since: Annotated[Moment, Query(alias="from")] = 0,
        until: Annotated[Moment | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        """Return what is held of the stretch `from` .. `to`, in microseconds."""
        end = float("inf") if until is None else until / 1e6
        found = timeline_json(service.engine.stream(name), since / 1e6, end)
        return {"stream": name, **found}

    return router
