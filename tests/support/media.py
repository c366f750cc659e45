"""Clips made with PyAV. Each picture carries its number as a row of bright and dark squares."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, cast

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av import VideoCodecContext, VideoStream
    from numpy.typing import NDArray

WIDTH, HEIGHT = 160, 120
BITS = 8  # of the burned-in number
SIDE = 16  # pixels of its squares
TICKS = 90_000  # of every clip's clock, a second

CODECS = {"h264": "libx264", "hevc": "libx265", "vp8": "libvpx", "vp9": "libvpx-vp9"}
OPTIONS = {
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "18"},
    "hevc": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"},
    "vp8": {"deadline": "realtime", "crf": "10", "b": "1M"},
    "vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "1M"},
}
# How a container is written: its name in libav, and the options that make a stream of it.
CONTAINERS = {
    "mp4": ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "webm": ("webm", {"live": "1", "cluster_time_limit": "200"}),
    "mpegts": ("mpegts", {"max_delay": "700000"}),  # its clock begins at 1.4 s, as ffmpeg's does
}


class Unit(NamedTuple):
    """One encoded access unit."""

    data: bytes
    pts: float  # seconds
    is_key: bool


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Return an RGB picture that shows `number`, modulo 2**BITS, and a block that moves."""
    image = np.full((height, width, 3), (60, 90, 120), np.uint8)
    left = number * 3 % (width - 24)
    image[height // 2 : height // 2 + 24, left : left + 24] = (200, 80, 40)
    for bit in range(BITS):
        value = 235 if number >> bit & 1 else 16
        image[0:SIDE, bit * SIDE : (bit + 1) * SIDE] = value
    return image


def read_number(image: NDArray[np.uint8]) -> int:
    """Return the number that `picture` burned in."""
    middles = [image[4 : SIDE - 4, b * SIDE + 4 : (b + 1) * SIDE - 4].mean() for b in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 126)


def still(number: int, form: str = "jpeg", size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Return `picture(number)` as a JPEG, PNG or WebP."""
    out = io.BytesIO()
    Image.fromarray(picture(number, *size)).save(out, form, quality=90)
    return out.getvalue()


def frames(
    count: int, fps: Fraction | int = 25, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Iterator[av.VideoFrame]:
    """Yield `count` pictures, stamped at `fps`."""
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
        frame.time_base = Fraction(1, TICKS)
        frame.pts = round(number * TICKS / fps)
        yield frame


def _configure(
    encoder: VideoCodecContext | VideoStream, size: tuple[int, int], fps: Fraction | int
) -> None:
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fps)
    encoder.time_base = Fraction(1, TICKS)
    encoder.gop_size = 10


def access_units(
    codec: str = "h264",
    count: int = 40,
    *,
    fps: Fraction | int = 25,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    b_frames: int = 0,
) -> list[Unit]:
    """Return `count` pictures as Annex-B access units in decoding order."""
    context = cast("VideoCodecContext", av.CodecContext.create(CODECS[codec], "w"))
    _configure(context, size, fps)
    options = dict(OPTIONS[codec])
    if b_frames:
        options = {"preset": "veryfast", "crf": "18", "bf": str(b_frames)}
    context.options = options
    packets = [p for frame in (*frames(count, fps, size), None) for p in context.encode(frame)]
    return [Unit(bytes(p), float((p.pts or 0) * context.time_base), p.is_keyframe) for p in packets]


def encoded(container: str, codec: str, images: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return pictures of one size, 25 a second, as Annex-B data or in one of `CONTAINERS`."""
    height, width = images[0].shape[:2]
    form, options = CONTAINERS.get(container, (container, {}))
    out = io.BytesIO()
    with av.open(out, "w", format=form, options=options) as sink:
        stream = cast("VideoStream", sink.add_stream(CODECS[codec], rate=25))
        _configure(stream, (width, height), 25)
        stream.codec_context.options = OPTIONS[codec]
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base, frame.pts = Fraction(1, TICKS), number * TICKS // 25
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return out.getvalue()


def clip(
    container: str,
    codec: str = "h264",
    count: int = 40,
    *,
    fps: Fraction | int = 25,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> bytes:
    """Return a clip of one of `CONTAINERS`, or a plain `mov`, which keeps its index at the end."""
    form, options = CONTAINERS.get(container, (container, {}))
    out = io.BytesIO()
    with av.open(out, "w", format=form, options=options) as sink:
        stream = cast("VideoStream", sink.add_stream(CODECS[codec], rate=Fraction(fps)))
        _configure(stream, size, fps)
        stream.codec_context.options = OPTIONS[codec]
        for frame in (*frames(count, fps, size), None):
            sink.mux(stream.encode(frame))
    return out.getvalue()


def write_clip(path: Path, codec: str = "h264", count: int = 40, fps: Fraction | int = 25) -> Path:
    """Write a plain clip to `path`, whose suffix says which container, and return `path`."""
    form = {".mkv": "matroska", ".ts": "mpegts"}.get(path.suffix, path.suffix[1:])
    path.write_bytes(clip(form, codec, count, fps=fps))
    return path


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut `data` into pieces of `sizes` bytes, over and over."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1
