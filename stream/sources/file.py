"""Recorded video files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av

from longwatch.errors import SourceError
from longwatch.stream.decoding.container import video_stream
from longwatch.stream.decoding.decoder import Converter, PacketDecoder
from longwatch.stream.decoding.images import check_size
from longwatch.stream.limits import MediaLimits
from longwatch.stream.sampler import Sampler
from longwatch.stream.sources.background import BackgroundSource, Pacer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import numpy as np
    from av import VideoFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

    from longwatch.errors import FrameError


class FileSource(BackgroundSource):
    """The frames of a video file; time 0 is where its first track begins.

    A file that was cut off gives the frames that it holds and then breaks, where its format (MP4)
    lets that be known; others end.

    Args:
        path: any file that libav can read.
        fps: frames taken a second, by presentation time; None takes all.
        paced: hand frames on when they are due, as a live stream would, or as fast as it goes.
        speed: of a paced source; 2 plays twice as fast.
        limits: bounds on the size of a picture.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float | None = None,
        paced: bool = False,
        speed: float = 1.0,
        limits: MediaLimits | None = None,
    ) -> None:
        super().__init__(pacer=Pacer(speed) if paced else None)
        self.path = Path(path)
        self._limits = limits or MediaLimits()
        self._sampler = Sampler(fps)
        self._damaged = 0

    @property
    def damaged(self) -> int:
        """How many packets and pictures were left out because they were damaged."""
        return self._damaged

    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:  # noqa: D102
        if not self.path.is_file():
            raise SourceError(
                f"there is no file {str(self.path)!r}; check the path", code="source_not_found"
            )
        with self._open() as container:
            converter = Converter()
            for time, frame in self._frames(container):
                if self._sampler.take(time):
                    yield time, converter.rgb(frame)

    def _open(self) -> InputContainer:
        try:
            return av.open(str(self.path), "r")
        except PermissionError:
            raise SourceError(
                f"the file {str(self.path)!r} may not be read; change its permissions",
                code="source_auth_failed",
            ) from None
        except Exception as error:  # noqa: BLE001  libav's bindings raise many types at damaged data
            raise SourceError(
                f"{str(self.path)!r} is no video that can be read here ({type(error).__name__}); "
                "check that it plays elsewhere, or convert it to MP4",
                code="source_corrupt",
            ) from None

    def _frames(self, container: InputContainer) -> Iterator[tuple[float, VideoFrame]]:
        """Yield the good pictures and their times, ever later ones."""
        stream = video_stream(container, repr(str(self.path)))
        check_size(stream.codec_context.width, stream.codec_context.height, self._limits)
        decoder = PacketDecoder(stream.codec_context, self._limits, self._count)
        start, last = (container.start_time or 0) / av.time_base, -1.0
        try:
            for packet in container.demux(stream):
                for frame in decoder.decode(packet):
                    time = last if frame.pts is None else max(0.0, frame.time - start)
                    if time > last:
                        last = time
                        yield time, frame
        except Exception:  # noqa: BLE001  libav's bindings raise many types at damaged data
            raise self._broken(last) from None
        if container.format.name.startswith("mov") and not is_whole(self.path):
            raise self._broken(last)

    def _broken(self, last: float) -> SourceError:
        return SourceError(
            f"{str(self.path)!r} breaks off after {max(last, 0.0):.2f} s; the frames up to there "
            "are good, for the rest get the whole file",
            code="source_corrupt",
        )

    def _count(self, _: FrameError) -> None:
        self._damaged += 1


def is_whole(path: Path) -> bool:
    """Tell whether the boxes of an MP4 file fill it; libav ends a cut one without a word."""
    length, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= length:
            file.seek(at)
            head = file.read(16)
            size = int.from_bytes(head[:4])
            if size == 1:  # a 64-bit size follows
                size = int.from_bytes(head[8:])
            elif size == 0:  # the last box, whatever its size
                return True
            if size < 8:
                return False
            at += size
    return at <= length
