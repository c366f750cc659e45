"""The frames that an answer rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.memory.recall import Recaller
from longwatch.serve.answer import Evidence

if TYPE_CHECKING:
    from longwatch.memory.context import Context
    from longwatch.serve.ranges import Limits

MOST = 4  # recalled frames


def evidence(context: Context | None, limits: Limits) -> tuple[Evidence, ...]:
    """Return the frames recalled with most weight, then the newest one at hand that is meant.

    A frame's weight is its share of what all layers recalled, 0 to 1; of frames at hand it is not
    known. Where the question is about a range, the frame at hand is one of that range.
    """
    if context is None:
        return ()
    weights = context.recall.times() if isinstance(context.recall, Recaller) else {}
    total = sum(weights.values())
    best = sorted(weights.items(), key=lambda frame: (-frame[1], frame[0]))[:MOST]
    found = [Evidence(time, weight / total, "recalled") for time, weight in best]
    span = limits.span
    at_hand = [
        time for time in limits.snapshot.times if span is None or span.since <= time <= span.until
    ]
    if at_hand:
        found.append(Evidence(at_hand[-1], None, "at_hand"))
    return tuple(found)
