"""Frames that are read into a memory, and frames that were read once and are put in again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from longwatch.memory.base import Trace
from longwatch.memory.context import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.memory import Memory
    from longwatch.memory.segment import Segment
    from longwatch.models.base import FrameInput, VideoLM


class Taken(NamedTuple):
    """What the model made of a frame, or of text."""

    segment: Segment
    trace: Trace


def read(model: VideoLM, memory: Memory, source: FrameInput, time: float | None) -> Segment:
    """Read a frame, or text where `time` is None, and commit it; return what was read."""
    draft = memory.begin(source.positions, time, source.advance)
    for _ in model.read(source, draft):
        pass
    return memory.commit()


def opened(model: VideoLM, memory: Memory) -> None:
    """Read the text that opens every stream, if the model has some."""
    if ids := model.prefix_ids():
        read(model, memory, model.text_input(ids), None)


def take(model: VideoLM, source: FrameInput, time: float, before: Sequence[Segment] = ()) -> Taken:
    """Read a frame that sees what is `before` it, and keep it out of every memory."""
    draft = Draft(
        before,
        model.decoder.rope,
        positions=source.positions,
        time=time,
        advance=source.advance,
        traced=True,
    )
    for _ in model.read(source, draft):
        pass
    return Taken(draft.segment(), Trace(draft.queries()))


def put(memory: Memory, taken: Taken, time: float) -> None:
    """Commit a frame that was read before, as if it had been read at `time`, in seconds."""
    memory.put(replace(taken.segment, time=time), taken.trace)
