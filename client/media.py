"""Local video as pieces to send: the file's own H.264 or HEVC, or pictures as JPEG.

PyAV and OpenCV are needed here and nowhere else in the client, so they are imported when used.
Each iterator is run by one thread from its first step to its end; see `client.push`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from longwatch.errors import ConfigError, FrameError, SourceError

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from numpy.typing import NDArray

_ENCODED = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}  # codec -> bitstream filter
_SLACK = 1e-6  # seconds; times are rounded to microseconds on the wire
_GUESSED_FPS = 25.0  # of a raw elementary stream, which has no times at all


@dataclass(frozen=True, slots=True)
class Piece:
    """One message's worth of video."""

    payload: bytes
    time: float  # seconds on the stream's clock at which it is shown
    due: float  # seconds after the start at which a live sender would send it
    keyframe: bool = True
    epoch: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """What a video file holds, as far as sending it is concerned."""

    path: Path
    format: str  # `h264` or `hevc` to be sent as it is, `image` to be decoded here
    fps: float
    duration: float | None  # seconds, where the file says so

    def pieces(self, fps: float | None) -> Generator[Piece]:
        """Yield the file's pieces; pictures are sampled at `fps`, encoded video goes whole."""
        return _units(self) if self.format in _ENCODED else _pictures(self, fps)


def probe(path: str | os.PathLike[str]) -> Media:
    """Return what the video file at `path` holds. Blocks.

    Raises:
        SourceError: there is no such file, or no video in it that can be decoded.
        ConfigError: PyAV is not installed.
    """
    av = need("av")
    place = Path(path)
    if not place.is_file():
        raise SourceError(
            f"there is no file {str(place)!r}; check the path", code="source_not_found"
        )
    try:
        with av.open(str(place)) as container:
            if not container.streams.video:
                raise SourceError(
                    f"{str(place)!r} holds no video; give a file with a picture track",
                    code="source_codec_unsupported",
                )
            video = container.streams.video[0]
            codec, rate = video.codec_context.name, video.average_rate or video.guessed_rate
            duration = None if container.duration is None else container.duration / av.time_base
            first = next(container.decode(video), None)
            # A raw stream has no clock, and its order of decoding need not be that of its pictures.
            ordered = video.start_time is not None or not video.codec_context.has_b_frames
    except (av.error.FFmpegError, OSError, ValueError) as failure:
        raise _broken(place, failure) from None
    if first is None:
        raise _broken(place, "it has no picture")
    # A rotation is in the file, not in its video stream, so turned video goes as pictures.
    as_it_is = codec in _ENCODED and ordered and first.rotation % 360 == 0
    return Media(place, codec if as_it_is else "image", float(rate or _GUESSED_FPS), duration)


def jpeg(image: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Return `image`, (height, width, 3) RGB, as a JPEG."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise FrameError(
            f"a picture must be (height, width, 3) of uint8, not {image.shape} of {image.dtype}"
        )
    picture = need("PIL.Image").fromarray(image)
    encoded = BytesIO()
    try:
        picture.save(encoded, "JPEG", quality=quality)
    except OSError:
        raise FrameError(
            f"a picture of {image.shape} could not be made a JPEG; make it smaller"
        ) from None
    return encoded.getvalue()


def camera_pieces(index: int, fps: float, seconds: float | None = None) -> Generator[Piece]:
    """Yield what camera `index` sees, `fps` times a second, for some `seconds` or until it stops.

    Raises:
        SourceError: there is no such camera, or another program holds it.
    """
    import time

    cv2 = need("cv2")
    camera = cv2.VideoCapture(index)
    try:
        if not camera.isOpened():
            raise SourceError(
                f"camera {index} cannot be opened; check that it is plugged in and that no other "
                "program uses it",
                code="source_not_found",
            )
        start, slots = time.monotonic(), Slots(fps)
        while camera.grab():
            now = time.monotonic() - start
            if seconds is not None and now >= seconds:
                break
            if slots.take(now):
                done, image = camera.retrieve()
                if done:
                    yield Piece(jpeg(image[:, :, ::-1]), now, now)
    finally:
        camera.release()


class Slots:
    """Takes the first time that falls into each slot of 1 / fps seconds; None takes all."""

    def __init__(self, fps: float | None) -> None:
        self._fps = fps
        self._last: int | None = None

    def take(self, time: float) -> bool:
        """Tell whether the frame at `time` seconds is to be sent."""
        if self._fps is None:
            return True
        slot = int((time + _SLACK) * self._fps // 1)
        taken, self._last = slot != self._last, slot
        return taken


def need(module: str) -> Any:
    """Return a module that the light client does without until it is really needed.

    Raises:
        ConfigError: it is not installed, or a library of the system is missing that it needs.
    """
    package = {"av": "av", "cv2": "opencv-python", "PIL.Image": "pillow"}[module]
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise ConfigError(
            f"sending local video needs the package {package}, which is not installed; "
            "run: pip install 'longwatch[server]'"
        ) from None
    except ImportError as error:
        raise ConfigError(
            f"the package {package} cannot be loaded ({error}); install the system library that "
            "it misses, on Debian and Ubuntu: apt-get install libgl1 libglib2.0-0"
        ) from None


def _units(media: Media) -> Generator[Piece]:
    """Yield the access units of H.264 or HEVC as Annex B, in the order of decoding."""
    av = need("av")
    from av.bitstream import BitStreamFilterContext

    try:
        with av.open(str(media.path)) as container:
            video = container.streams.video[0]
            annexb = BitStreamFilterContext(_ENCODED[media.format], video)
            times = _Times(media.fps, video)
            for packet in container.demux(video):
                for unit in annexb.filter(packet if packet.size else None):
                    begins = times.count == 0
                    time, due = times.of(unit)
                    yield Piece(bytes(unit), time, due, unit.is_keyframe, begins)
    except (av.error.FFmpegError, OSError, ValueError) as failure:
        raise _broken(media.path, failure) from None


class _Times:
    """When the packets of one video are shown, and when a live sender would have sent them."""

    def __init__(self, fps: float, video: Any) -> None:
        self.count = 0  # packets so far
        self._fps = fps
        self._base = video.time_base
        self._begin = video.start_time or 0
        self._first_dts: int | None = None
        self._due = 0.0

    def of(self, packet: Any) -> tuple[float, float]:
        """Return both times of the next packet, in seconds since the beginning."""
        n, self.count = self.count, self.count + 1
        if packet.pts is None:  # a raw stream has no clock, so its pictures are counted
            return n / self._fps, n / self._fps
        if packet.dts is not None:  # Matroska leaves out some; those packets go at once
            self._first_dts = packet.dts if self._first_dts is None else self._first_dts
            self._due = max(self._due, float((packet.dts - self._first_dts) * self._base))
        return max(0.0, float((packet.pts - self._begin) * self._base)), self._due


def _pictures(media: Media, fps: float | None) -> Generator[Piece]:
    """Decode the file and yield what falls into the sampling slots, upright, as JPEG."""
    av = need("av")
    reformatter = av.video.reformatter.VideoReformatter()  # one scaler for the whole file
    slots, begin, n = Slots(fps), None, 0
    try:
        with av.open(str(media.path)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                shown = n / media.fps if frame.time is None else float(frame.time)
                begin = shown if begin is None else begin
                n += 1
                time = max(0.0, shown - begin)
                if slots.take(time):
                    image = reformatter.reformat(frame, format="rgb24").to_ndarray()
                    turned = np.rot90(image, round(frame.rotation / 90))
                    yield Piece(jpeg(turned), time, time)
    except (av.error.FFmpegError, OSError, ValueError) as failure:
        raise _broken(media.path, failure) from None


def _broken(path: Path, failure: object) -> SourceError:
    why = getattr(failure, "strerror", None) or failure  # the rest is a number and the path again
    return SourceError(
        f"{str(path)!r} cannot be read as video ({why}); check it with a player, or convert it",
        code="source_corrupt",
    )
