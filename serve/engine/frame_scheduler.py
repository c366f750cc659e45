"""The frames that are being read: one of each stream in turn, encoded together where that pays."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.errors import LongwatchError
from longwatch.serve.observability.context import log_context, merge_contexts
from longwatch.serve.streams.stream import EncodedFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from longwatch.models.base import VideoLM
    from longwatch.serve.observability.observer import EngineObserver
    from longwatch.serve.streams.registry import StreamRegistry
    from longwatch.serve.streams.stream import Reads, Stream
    from longwatch.types import Frame

log = logging.getLogger(__name__)
GPU_BATCH = 8


def default_batch(device: torch.device) -> int:
    """Return how many frames to encode together where nobody says.

    On a CPU it is one: several at once take as long each, or longer as they fall out of its cache
    (`python -m benchmarks.load` measures it), and a question waits for all of them.
    """
    return 1 if device.type == "cpu" else GPU_BATCH


@dataclass(slots=True, eq=False)
class _FrameTask:
    stream: Stream
    steps: Reads
    wants: Frame | None = None  # to be encoded
    over: bool = False


class FrameScheduler:
    """Takes frames from the streams' buffers and reads them in small steps, on one thread.

    Streams take turns. Up to `batch` of them have a frame encoded in one pass of the vision
    tower: those whose frames are there already, so that none waits for another's to come.
    """

    def __init__(
        self,
        streams: StreamRegistry,
        model: VideoLM,
        observer: EngineObserver,
        *,
        chunk: int,
        batch: int,
    ) -> None:
        """`chunk` is the tokens of a frame in one pass, `batch` the frames encoded together."""
        self._streams = streams
        self._model = model
        self._observer = observer
        self._chunk = chunk
        self._batch = batch
        self._turn = 0  # which stream is looked at first for the next frame
        self._tasks: list[_FrameTask] = []

    def waiting(self) -> bool:
        """Tell whether there is a frame to be read; from any thread."""
        return bool(self._tasks) or any(len(s.buffer) for s in self._streams.all())

    def step(self) -> None:
        """Go on with what is being read, or begin with the next streams' newest frames."""
        if not self._tasks:
            self._begin()
        elif not (wanting := [job for job in self._tasks if job.wants is not None]):
            self._resume(self._tasks[0])
        else:
            self._encode(wanting)
        self._tasks = [job for job in self._tasks if not job.over]

    def _begin(self) -> None:
        streams = self._streams.all()
        first = self._turn
        for i in range(len(streams)):
            if len(self._tasks) == self._batch:
                break
            stream = streams[(first + i) % len(streams)]
            frame = stream.buffer.get_nowait()
            if frame is not None:
                self._turn = (first + i + 1) % len(streams)
                self._tasks.append(_FrameTask(stream, stream.read(frame, self._chunk)))
        for job in self._tasks:
            self._resume(job)

    def _encode(self, jobs: Sequence[_FrameTask]) -> None:
        """Encode a frame of each; where that fails, each by itself, so that one fails alone."""
        frames = [job.wants for job in jobs if job.wants is not None]
        start = time.perf_counter()
        try:
            tokens = self._model.encode(frames)
        except Exception as error:
            ids = merge_contexts([{"stream": job.stream.name} for job in jobs])
            log.exception("%d frames could not be encoded", len(jobs), extra=ids)
            if len(jobs) == 1:
                self._fail(jobs[0], error)
                return
            for job in jobs:
                self._encode([job])
            return
        seconds = (time.perf_counter() - start) / len(frames)
        for job, of in zip(jobs, tokens, strict=True):
            self._resume(job, EncodedFrame(of, seconds))

    def _resume(self, job: _FrameTask, encoded: EncodedFrame | None = None) -> None:
        with log_context(stream=job.stream.name):
            try:
                job.wants = job.steps.send(encoded)
            except StopIteration:
                job.over = True
            except Exception as error:
                log.exception("a frame could not be read")
                self._fail(job, error)

    def _fail(self, job: _FrameTask, error: Exception) -> None:
        job.steps.close()  # it rolls back what was begun
        job.over = True
        job.stream.fail()
        code = error.code if isinstance(error, LongwatchError) else "model_error"
        self._observer.frame_failed(job.stream.name, code)
