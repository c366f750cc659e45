"""Frames of several streams, read in turn and encoded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.serve.engine.frame_scheduler import GPU_BATCH, FrameScheduler, default_batch
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.registry import StreamRegistry
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import Stream
from tests.support import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.types import Frame, VisualTokens


class Watched(tiny.TinyVideoLM):
    """Notes how many frames each pass of the tower had, and fails at one of them."""

    def __init__(self, poison: int = -1) -> None:
        super().__init__()
        self.batches: list[int] = []
        self._poison = poison

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        self.batches.append(len(frames))
        if any(frame.index == self._poison for frame in frames):
            raise RuntimeError("the tower fell over")
        return super().encode(frames)


class Desk:
    """Some streams that are read by hand."""

    def __init__(self, model: Watched, count: int, batch: int) -> None:
        table = StreamRegistry(64)
        settings = StreamSettings(fps=None, queue=8, compressor="keep_all", policy="full")
        self.streams = [
            table.add(Stream(f"s{i}", settings, model, EngineObserver(), lambda: None))
            for i in range(count)
        ]
        self.reading = FrameScheduler(table, model, EngineObserver(), chunk=4, batch=batch)

    @torch.inference_mode()
    def run(self) -> None:
        while self.reading.waiting():
            self.reading.step()

    def values(self) -> list[torch.Tensor]:
        """Return what each memory holds of its last layer."""
        held = [stream.memory.snapshot().segments for stream in self.streams]
        return [torch.cat([s.values[-1] for s in segments], 1) for segments in held]


def test_frames_encoded_together_are_read_as_those_encoded_alone() -> None:
    held = []
    for batch in (1, 3):
        model = Watched()
        desk = Desk(model, 4, batch)
        for i in range(2):
            for seed, stream in enumerate(desk.streams):
                stream.offer(tiny.frame(i, seed=seed))
        desk.run()
        assert sum(model.batches) == 8
        assert max(model.batches) == batch
        held.append(desk.values())
    for one, other in zip(*held, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_a_frame_does_not_wait_for_another_to_be_encoded_with() -> None:
    model = Watched()
    desk = Desk(model, 4, 4)
    desk.streams[2].offer(tiny.frame(0))
    desk.run()
    assert model.batches == [1]
    assert desk.streams[2].stats().frames_read == 1


def test_two_frames_of_one_stream_are_never_encoded_together() -> None:
    model = Watched()
    desk = Desk(model, 2, 4)
    for i in range(3):
        desk.streams[0].offer(tiny.frame(i))
    desk.run()
    assert model.batches == [1, 1, 1]


def test_a_frame_that_cannot_be_encoded_fails_alone() -> None:
    desk = Desk(Watched(poison=7), 3, 3)
    for index, stream in zip((1, 7, 2), desk.streams, strict=True):
        stream.offer(tiny.frame(index))
    desk.run()
    stats = [stream.stats() for stream in desk.streams]
    assert [s.frames_read for s in stats] == [1, 0, 1]
    assert [s.frames_failed for s in stats] == [0, 1, 0]
    desk.streams[1].offer(tiny.frame(8))
    desk.run()
    assert desk.streams[1].stats().frames_read == 1


@pytest.mark.parametrize("batch", [1, 2])
def test_streams_take_turns_however_many_frames_each_has(batch: int) -> None:
    desk = Desk(Watched(), 3, batch)
    for i in range(6):
        desk.streams[0].offer(tiny.frame(i))
    desk.streams[1].offer(tiny.frame(0))
    desk.streams[2].offer(tiny.frame(0))
    with torch.inference_mode():
        while desk.streams[2].stats().frames_read == 0:
            desk.reading.step()
    assert desk.streams[0].stats().frames_read <= 2


def test_a_cpu_encodes_one_frame_at_a_time_unless_told() -> None:
    assert default_batch(torch.device("cpu")) == 1
    assert default_batch(torch.device("cuda")) == GPU_BATCH > 1
