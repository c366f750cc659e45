"""The frames that an answer rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.memory.recall import Recaller
from longwatch.serve.answers.types import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.context import Context
    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.scope import RecallScope

MOST = 4  # frames


def evidence(model: VideoLM, context: Context, limits: RecallScope) -> tuple[Evidence, ...]:
    """Return the frames that the end of the question looked at most, at most `MOST`.

    It is the last token of the question, from which the answer's first word is made, and the mean
    over the heads that look for evidence (`VideoLM.gaze_heads`), or over all. A frame's weight is
    its share of what all frames got, 0 to 1. Where the question is about a range, frames outside
    it are left out. The context must have a `Gaze` since before it was read.
    """
    if context.gaze is None:
        return ()
    span = limits.span
    weights = {
        time: weight
        for time, weight in context.gaze.frames(context, model.gaze_heads).items()
        if span is None or span.since <= time <= span.until
    }
    total = sum(weights.values()) or 1.0
    found = context.recall.times() if isinstance(context.recall, Recaller) else {}
    best = sorted(weights.items(), key=lambda frame: (-frame[1], -frame[0]))[:MOST]
    return tuple(
        Evidence(time, weight / total, "recalled" if time in found else "at_hand")
        for time, weight in best
    )


def joined(parts: Sequence[tuple[Evidence, ...]]) -> tuple[Evidence, ...]:
    """Return the frames, at most `MOST`, that several answers rest on together.

    A frame's weight is the mean over all answers; one that another of them looked at weighs 0.
    """
    if len(parts) == 1:
        return parts[0]
    frames: dict[float, list[Evidence]] = {}
    for each in (frame for part in parts for frame in part):
        frames.setdefault(each.time, []).append(each)
    together = []
    for time, found in frames.items():
        weight = sum(each.weight or 0.0 for each in found) / len(parts)
        together.append(Evidence(time, weight, found[0].why))
    return tuple(sorted(together, key=lambda each: (-(each.weight or 0.0), -each.time))[:MOST])


def recalled(context: Context) -> int:
    """Return how many frames some layer recalled."""
    return len(context.recall.times()) if isinstance(context.recall, Recaller) else 0
