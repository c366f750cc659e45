"""Memories of streams that have run for hours, filled with frames that were read once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.budgets import sealed
from benchmarks.replay import opened, read
from longwatch.memory.memory import Memory
from longwatch.memory.window import Window
from training.simulated import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.base import Policy
    from longwatch.memory.segment import Segment
    from longwatch.models.bundled_model import BundledVLM
    from longwatch.types import VisualTokens

SEED = (1 << 51) + (1 << 40)


class Aged(NamedTuple):
    """A memory some seconds before an age, and the frames that are still to come."""

    preset: str
    age: int  # seconds
    memory: Memory
    coming: list[tuple[float, VisualTokens]]  # seconds, tokens
    device: list[int]  # bytes at hand after each of these


def pool(model: BundledVLM, frames: int) -> list[Segment]:
    """Return what the model makes of the first frames of a stream, with a window of its own."""
    times = [float(t) for t in range(frames)]
    _, tokens = encode(model, SEED, times)
    memory = Memory(Window(model.window_tokens), model.decoder.rope)
    opened(model, memory)
    return [
        read(model, memory, model.frame_input(seen, time), time)
        for time, seen in zip(times, tokens, strict=True)
    ]


def grow(
    model: BundledVLM, policy: Policy, pooled: Sequence[Segment], age: int, left: int
) -> Memory:
    """Return a memory that has seen a frame a second, up to `left` frames before `age`.

    The frames are those of the pool, over and over, at times of their own; what a memory does with
    one, seal and merge included, it does anew each time.
    """
    memory = Memory(policy, model.decoder.rope)
    opened(model, memory)
    for second in range(age - left):
        segment = pooled[second % len(pooled)]
        keys, values = (tuple(x.clone() for x in kv) for kv in (segment.keys, segment.values))
        memory.put(replace(segment, keys=keys, values=values, time=float(second)))
    return memory


def coming(model: BundledVLM, age: int, left: int) -> list[tuple[float, VisualTokens]]:
    """Return the last frames before an age, with tokens that say their true time."""
    times = [float(t) for t in range(age - left, age)]
    return list(zip(times, encode(model, SEED + age, times)[1], strict=True))


def sizes(memory: Memory) -> dict[str, Any]:
    """Return the bytes of what is sealed, in use and asked for, and of all."""
    stats, archive = memory.stats(), memory.archive
    index = 0 if archive is None else sum(each.nbytes for each in archive.index)
    return {
        "sealed_bytes": sealed(memory),
        "block_bytes": sum(used for _, used in stats.rungs),
        "index_bytes": index,
        "archive_bytes": stats.archive_bytes,
        "total_bytes": stats.device_bytes + stats.archive_bytes + stats.origin_bytes,
        "frames_stored": stats.frames_stored,
        "sealed_tokens": stats.sealed_tokens,
        "blocks": [blocks for blocks, _ in stats.rungs],
    }
