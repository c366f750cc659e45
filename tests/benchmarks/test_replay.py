"""Frames that are put in again are those that were read."""

from __future__ import annotations

import torch

from benchmarks import replay
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from tests.benchmarks.watched import model, stream


@torch.inference_mode()
def test_a_replayed_stream_holds_what_the_stream_that_was_read_holds() -> None:
    vlm, seen = model(), stream(16)
    read, again = (Memory(Full(), vlm.decoder.rope) for _ in range(2))
    for memory in (read, again):
        replay.opened(vlm, memory)
    for time, tokens in zip(seen.times[:4], seen.tokens, strict=False):
        source = vlm.frame_input(tokens, time)
        taken = replay.take(vlm, source, time, again.snapshot().segments)
        replay.read(vlm, read, source, time)
        replay.put(again, taken, time + 100)
    one, other = read.snapshot().segments, again.snapshot().segments
    assert [s.index for s in one] == [s.index for s in other]
    assert [s.time for s in other[1:]] == [100.0, 101.0, 102.0, 103.0]
    for a, b in zip(one, other, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.keys, b.keys, strict=True))
        assert all(torch.equal(x, y) for x, y in zip(a.values, b.values, strict=True))


def test_what_is_taken_brings_its_queries() -> None:
    vlm, seen = model(), stream(16)
    taken = replay.take(vlm, vlm.frame_input(seen.tokens[0], 0.0), 0.0)
    assert len(taken.trace.queries) == vlm.decoder.layers
    assert all(q.shape[1] == len(taken.segment) for q in taken.trace.queries)
