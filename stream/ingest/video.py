"""Pushed encoded video: all of it is decoded, and only the frames that are wanted converted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from longwatch.errors import ClosedError, LimitError, LongwatchError, SourceError
from longwatch.stream.buffer import DropPolicy
from longwatch.stream.chunks import ChunkQueue, EpochReader
from longwatch.stream.decoding.annexb import KEYS, AnnexB, is_key
from longwatch.stream.decoding.container import Container, begins
from longwatch.stream.decoding.decoder import Converter, DecodeTimer
from longwatch.stream.sink import Drop

if TYPE_CHECKING:
    from longwatch.errors import FrameError
    from longwatch.stream.chunks import Chunk
    from longwatch.stream.decoding.decoder import DecodedPicture, Decoder
    from longwatch.stream.limits import MediaLimits
    from longwatch.stream.sink import FrameSink

WHOLE = ("mp4", "webm")  # can only be read from their start


class VideoDecoder:
    """One publisher's video. A broken epoch is reported, and the next one decoded as if new.

    When the decoder cannot keep up, chunks are left out until one that can be begun at, as they are
    from the start where it begins in the midst of a publisher's data (`resuming`).
    """

    def __init__(
        self, form: str, limits: MediaLimits, sink: FrameSink, *, resuming: bool = False
    ) -> None:
        self.stopwatch = DecodeTimer(limits.decode_s)
        self._form = form
        self._limits = limits
        self._sink = sink
        self._queue = ChunkQueue(limits.queue_bytes)
        self._epochs = EpochReader(self._queue, sink.timeline.restart)
        self._converter = Converter()
        self._skipping = resuming  # chunks are being left out
        self._abandoned = False
        self._lost_epoch = False  # one of them began an epoch
        self._joinable = True  # any chunk may begin the next epoch

    def put(self, chunk: Chunk) -> None:
        """Queue a chunk; never blocks."""
        if self._skipping:
            self._lost_epoch |= chunk.epoch
            if not (chunk.epoch or self._can_resume(chunk)):
                self._sink.drop(Drop.LATE)
                return
            chunk = replace(chunk, epoch=self._lost_epoch or self._form in WHOLE)
        if self._queue.put(chunk):
            self._skipping = self._lost_epoch = False
            return
        self._skipping = True
        self._lost_epoch |= chunk.epoch
        self._sink.drop(
            Drop.LATE,
            LimitError(
                f"more than {self._limits.queue_bytes} bytes of video wait for the decoder, so it "
                "goes on at the next key frame or epoch; send less, or begin an epoch",
                code="queue_full",
            ),
        )

    def run(self) -> None:
        """Decode and emit until the end; runs on a thread of its own."""
        while self._epochs.begin(self._can_begin, lambda: self._sink.drop(Drop.DECODE)):
            self._joinable = True
            try:
                for decoded in self._decoder().decode(self._epochs):
                    if not self._offer(decoded):
                        return
            except ClosedError:
                if self._abandoned:
                    return
                raise
            except LongwatchError as error:
                self._fail(error)
            except Exception as error:  # noqa: BLE001  the decoder's own; the next epoch may work
                self._fail(
                    SourceError(
                        f"decoding the {self._form} data failed ({type(error).__name__}); "
                        "begin a new epoch",
                        code="source_corrupt",
                    )
                )

    def end(self) -> None:
        """Take no more; what waits is still decoded, unless the sink is stopped."""
        self._queue.close(drop=self._sink.stopped.is_set())

    def abandon(self) -> None:
        """Give up a decoder that hangs: whenever it comes back, nothing is heard of it."""
        self._abandoned = True
        self._queue.close()
        while self._queue.get() is not None:
            self._sink.drop(Drop.LATE)

    def _decoder(self) -> Decoder:
        told = (self._form, self._limits, self._damaged, self.stopwatch)
        return AnnexB(*told) if self._form in KEYS else Container(*told)

    def _offer(self, decoded: DecodedPicture) -> bool:
        """Emit the picture if it is wanted; False when the sink was stopped."""
        if self._abandoned or self._sink.stopped.is_set():
            return False
        place = self._sink.place(decoded.pts, decoded.chunk)
        if place is None:
            return True
        if self._sink.buffer.policy is DropPolicy.BLOCK and not self._sink.wait_room():
            return False
        self._sink.emit(self._converter.rgb(decoded.frame), place, decoded.chunk)
        return True

    def _damaged(self, error: FrameError) -> None:
        if not self._abandoned:
            self._sink.drop(Drop.DECODE, error)

    def _fail(self, error: LongwatchError) -> None:
        """Report a broken epoch; what follows can only be read where it can be joined."""
        if self._abandoned:
            return
        self._joinable = self._form not in WHOLE
        self._sink.drop(Drop.SIZE if error.code == "frame_too_large" else Drop.DECODE, error)

    def _can_begin(self, chunk: Chunk) -> bool:
        return self._joinable or begins(self._form, chunk.payload)

    def _can_resume(self, chunk: Chunk) -> bool:
        """Tell whether the decoder finds its way at `chunk` after others were left out."""
        if self._form in KEYS:
            return is_key(chunk.payload, self._form)
        return begins(self._form, chunk.payload)
