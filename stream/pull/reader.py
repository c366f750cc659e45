"""The child's way from packets to frames in the ring, without those that come too late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from longwatch.errors import SourceError
from longwatch.stream.decoding.container import video_stream
from longwatch.stream.decoding.decoder import Converter, DecodeTimer, PacketDecoder
from longwatch.stream.limits import MediaLimits
from longwatch.stream.pull.errors import fault, reading_fault
from longwatch.stream.pull.frame_ring import Counts
from longwatch.stream.pull.opening import opened
from longwatch.stream.sampler import Sampler
from longwatch.stream.sources.background import Pacer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from av import VideoFrame
    from av.container import InputContainer

    from longwatch.errors import FrameError
    from longwatch.stream.pull.frame_ring import FrameRing
    from longwatch.stream.pull.process import PullJob

PATIENCE = 2.0  # seconds of late frames, after which the source is not behind: its clock is
BACK, AHEAD = 1.0, 10.0  # seconds; a pts further away than this is of another clock


class LateFrameFilter:
    """Compares the source's clock with ours.

    What arrives soonest after its pts sets the pace; a frame that is `late_s` behind that pace is
    late. A source that stays behind, as one does that was paused, sets a new pace.
    """

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._offset: float | None = None  # arrival - pts of the one that came soonest
        self._pts = 0.0
        self._since: float | None = None  # arrival of the first of a row of late frames

    def late(self, pts: float, arrived: float) -> bool:
        """Tell whether the frame at `pts` seconds, that `arrived` (monotonic), is late."""
        jumped = not -BACK < pts - self._pts < AHEAD
        offset, self._pts = arrived - pts, pts
        if self._offset is None or jumped or offset - self._offset <= self._late_s:
            soonest = offset if self._offset is None or jumped else min(offset, self._offset)
            self._offset, self._since = soonest, None
            return False
        if self._since is None:
            self._since = arrived
        if arrived - self._since < PATIENCE:
            return True
        self._offset, self._since = offset, None
        return False


NEAR_END = 2.0  # seconds; a recording that ends so near its stated length has ended


class Reader:
    """Reads what `job` says into `ring` until its end, or until `stop` is set."""

    def __init__(
        self, job: PullJob, ring: FrameRing, stop: threading.Event, tell: Callable[..., None]
    ) -> None:
        self._job, self._ring, self._stop, self._tell = job, ring, stop, tell
        self.stopwatch = DecodeTimer(job.settings.decode_s)
        self._limits = MediaLimits(max_pixels=job.max_pixels)
        self._sampler = Sampler(job.fps)
        self._lateness = LateFrameFilter(job.settings.late_s)
        # A live source keeps its own time; what can be had faster is held to its own pace.
        self._pacer = Pacer() if job.address.kind in ("file", "http") else None
        self._converter = Converter()
        self._counts = Counts()
        self._in_row = 0  # damaged packets since the last good picture
        self._base = 0.0  # where a file begins that is played again
        self._last = 0.0  # pts of the newest picture

    def run(self) -> bool:
        """Read; return whether the source has ended for good, as recordings do.

        Raises:
            SourceError: it cannot be opened, or broke.
            InputError: it may not be fetched.
        """
        if self._job.address.kind == "camera":
            return self._camera()
        while not self._stop.is_set():
            decoded = self._counts.decoded
            with opened(self._job) as (container, transport):
                finite = self._read(container, transport)
            if not self._job.address.loop:
                return finite
            if self._counts.decoded == decoded:
                raise fault("source_corrupt")
            self._base = self._last + 1 / 30
        return False

    def _read(self, container: InputContainer, transport: str) -> bool:
        stream = video_stream(container, "the source")
        codec = stream.codec_context
        self._tell("open", transport=transport, codec=codec.name, size=[codec.width, codec.height])
        decoder = PacketDecoder(codec, self._limits, self._damage, self.stopwatch)
        first: float | None = None
        try:
            for packet in container.demux(stream):
                if self._stop.is_set():
                    return False
                arrived = time.monotonic()
                self._count(packets=1)
                for frame in decoder.decode(packet):
                    if first is None and frame.pts is not None:
                        first = frame.time
                    self._take(frame, self._time(frame, first), arrived)
                self._ring.tell(self._counts)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  libav's bindings raise many types, with the URL in them
            raise reading_fault(error) from None
        if self._job.address.kind == "file":
            return True
        length = (container.duration or 0) / 1e6
        return length > 0 and self._last >= length - NEAR_END

    def _time(self, frame: VideoFrame, first: float | None) -> float | None:
        """Return when a picture stands, from 0 at the first one; None where nothing says so."""
        if frame.pts is None or first is None:
            return None
        return float(frame.time - first + self._base)

    def _take(self, frame: VideoFrame, pts: float | None, arrived: float) -> None:
        """Choose a picture, or count why not."""
        if pts is not None and self._pacer is not None:
            self._stop.wait(self._pacer.delay(pts))
            arrived = time.monotonic()
        self._in_row = 0
        self._count(decoded=1)
        self._counts = self._counts._replace(last=time.monotonic())
        self._ring.tell(self._counts)
        if pts is not None:
            self._last = pts
            if self._lateness.late(pts, arrived):
                self._count(late=1)
                return
        if not self._sampler.take(arrived if pts is None else pts):
            self._count(rate=1)
        elif not self._ring.fits(frame.height, frame.width):
            self._count(size=1)
        else:
            self._ring.put(self._converter.rgb(frame), pts, arrived)
            self._tell("frame")

    def _damage(self, _: FrameError) -> None:
        self._count(damaged=1)
        self._in_row += 1
        if self._counts.decoded and self._in_row >= self._job.settings.damaged_packets:
            raise fault("source_corrupt")

    def _count(self, **more: int) -> None:
        counts: dict[str, Any] = {key: getattr(self._counts, key) + n for key, n in more.items()}
        self._counts = self._counts._replace(**counts)

    def _camera(self) -> bool:
        """Read a camera of this machine."""
        from longwatch.stream.sources.camera import CameraSource  # OpenCV is not needed otherwise

        camera = CameraSource(int(self._job.address.url.partition(":")[2]), fps=self._job.fps)
        pictures = camera.pictures()
        self._tell("open", transport="", codec="raw", size=None)
        try:
            for pts, image in pictures:
                if self._stop.is_set():
                    break
                now = time.monotonic()
                self._count(packets=1, decoded=1)
                self._counts = self._counts._replace(last=now)
                self._ring.tell(self._counts)
                if self._ring.fits(*image.shape[:2]):
                    self._ring.put(image, pts, now)
                    self._tell("frame")
                else:
                    self._count(size=1)
        finally:
            pictures.close()
        return False
