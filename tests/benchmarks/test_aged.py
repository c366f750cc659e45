"""Memories that are filled with replays are as old, and as large, as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from benchmarks import aged
from benchmarks.replay import take
from longwatch.memory.longwatch import Longwatch
from longwatch.memory.window import Window
from tests.benchmarks.watched import model, stream
from training.simulated import encode

if TYPE_CHECKING:
    from longwatch.memory.segment import Segment

AGE, LEFT = 90, 4


@torch.inference_mode()
def test_a_memory_has_seen_a_frame_a_second_up_to_the_ones_that_come() -> None:
    vlm = model()
    segments = short_pool()
    memory = aged.grow(vlm, Window(100), segments, AGE, LEFT)
    coming = aged.coming(vlm, AGE, LEFT)
    assert memory.stats().frames_seen == AGE - LEFT
    assert memory.snapshot().times[-10:] == [float(t) for t in range(AGE - LEFT - 10, AGE - LEFT)]
    assert [time for time, _ in coming] == [86.0, 87.0, 88.0, 89.0]


@torch.inference_mode()
def test_frames_say_their_true_time() -> None:
    late = aged.coming(model(), 86_400, 2)
    same = encode(model(), aged.SEED + 86_400, [86_398.0, 86_399.0])[1]
    assert all(torch.equal(a.embeds, b.embeds) for (_, a), b in zip(late, same, strict=True))


@torch.inference_mode()
def test_replays_are_sealed_each_for_itself() -> None:
    vlm = model()
    memory = aged.grow(vlm, Longwatch(window_tokens=50, max_bytes=None), short_pool(), AGE, 0)
    found = aged.sizes(memory)
    sealed = AGE - memory.stats().frames_stored
    assert found["sealed_tokens"] == 4 * sealed  # of the ten that a frame has
    assert 0 < found["block_bytes"] < found["sealed_bytes"] <= found["archive_bytes"]
    assert found["total_bytes"] == memory.stats().device_bytes + found["archive_bytes"]


@torch.inference_mode()
def test_a_pool_is_the_beginning_of_a_stream() -> None:
    found = aged.pool(model(), 3)
    assert [segment.time for segment in found] == [0.0, 1.0, 2.0]
    assert [len(segment) for segment in found] == [10, 10, 10]


def short_pool() -> list[Segment]:
    vlm = model()
    return [take(vlm, vlm.frame_input(seen, 0.0), 0.0).segment for seen in stream(16).tokens[:3]]
