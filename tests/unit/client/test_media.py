"""The laws of local video as pieces to send."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from longwatch.client.media import Slots, jpeg, probe
from longwatch.errors import ConfigError, FrameError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoStream

FPS = 10
FRAMES = 25
BRIGHTEST = 240


def clip(
    path: Path, codec: str = "libx264", options: dict[str, str] | None = None, rotation: int = 0
) -> Path:
    """Write a clip whose n-th picture is brighter by n, with a black left half."""
    with av.open(str(path), "w") as container:
        video = cast("VideoStream", container.add_stream(codec, rate=FPS, options=options))
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if rotation:
            video.set_display_rotation(rotation)
        for n in range(FRAMES):
            image = np.zeros((48, 64, 3), np.uint8)
            image[:, 32:] = BRIGHTEST - 5 * FRAMES + 5 * n
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def test_a_raw_stream_whose_pictures_are_out_of_order_goes_as_pictures(tmp_path: Path) -> None:
    media = probe(clip(tmp_path / "clip.h264", options={"bf": "2", "g": "10"}))
    assert media.format == "image"
    pieces = list(media.pieces(None))
    times = [piece.time for piece in pieces]
    assert times == sorted(times)
    images = [np.asarray(Image.open(io.BytesIO(piece.payload))) for piece in pieces]
    seen = [int(image[24, 48].mean()) for image in images]
    assert seen == sorted(seen)
    assert len(seen) == FRAMES


CUTS = [(suffix, b) for suffix in ("mp4", "mkv", "ts") for b in ("0", "2")]


@pytest.mark.parametrize(("suffix", "b_frames"), [*CUTS, ("h264", "0")])
def test_h264_goes_as_whole_access_units_that_decode_to_the_same_pictures(
    tmp_path: Path, suffix: str, b_frames: str
) -> None:
    media = probe(clip(tmp_path / f"clip.{suffix}", options={"bf": b_frames, "g": "10"}))
    assert media.format == "h264"
    pieces = list(media.pieces(2.0))
    assert len(pieces) == FRAMES
    assert [piece.epoch for piece in pieces] == [True] + [False] * (FRAMES - 1)
    assert pieces[0].keyframe
    assert all(piece.payload.startswith((b"\0\0\0\1", b"\0\0\1")) for piece in pieces)
    dues = [piece.due for piece in pieces]
    assert dues == sorted(dues)
    assert dues[0] == 0
    if suffix != "h264":  # a raw stream says nothing of its times
        times = sorted(piece.time for piece in pieces)
        assert times == pytest.approx([n / FPS for n in range(FRAMES)], abs=1e-3)
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(piece.payload) for piece in pieces]
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    seen = [int(frame.to_ndarray(format="gray")[24, 48]) for frame in frames]
    assert len(seen) == FRAMES
    assert seen == sorted(seen)


def test_hevc_goes_as_it_is(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", "libx265", {"x265-params": "log-level=none"})
    media = probe(path)
    assert media.format == "hevc"
    assert len(list(media.pieces(2.0))) == FRAMES


@pytest.mark.parametrize("fps", [2.0, 5.0, 100.0])
def test_other_codecs_are_sampled_and_sent_as_pictures(tmp_path: Path, fps: float) -> None:
    media = probe(clip(tmp_path / "clip.webm", "libvpx", {"deadline": "realtime"}))
    assert media.format == "image"
    pieces = list(media.pieces(fps))
    step = max(1, round(FPS / fps))
    expected = [n / FPS for n in range(0, FRAMES, step)]
    assert [piece.time for piece in pieces] == pytest.approx(expected, abs=2e-3)
    assert all(Image.open(io.BytesIO(piece.payload)).size == (64, 48) for piece in pieces)


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_turned_video_is_sent_upright(tmp_path: Path, rotation: int) -> None:
    media = probe(clip(tmp_path / "clip.mp4", rotation=rotation))
    assert media.format == "image"
    image = np.asarray(Image.open(io.BytesIO(next(media.pieces(2.0)).payload)))
    upright = np.rot90(np.repeat([[0, 1]], 2, axis=0), rotation // 90)  # 1 where it is bright
    h, w = image.shape[0] // 4, image.shape[1] // 4
    corners = image[[[h], [-h]], [[w, -w]]].mean(-1) > 60
    assert np.array_equal(corners, upright == 1)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "source_not_found"), (b"", "source_corrupt"), (b"no video" * 99, "source_corrupt")],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        probe(path)
    assert caught.value.code == code
    assert "Errno" not in str(caught.value)


def test_a_sound_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.rate, frame.pts = 8000, 0
        container.mux(sound.encode(frame))
    with pytest.raises(SourceError, match="holds no video"):
        probe(path)


@given(
    fps=st.floats(0.1, 60),
    times=st.lists(st.integers(0, 10**8), min_size=1, max_size=50, unique=True),
)
def test_one_frame_is_taken_from_each_slot(fps: float, times: list[int]) -> None:
    slots = Slots(fps)
    seconds = [time / 1e6 for time in sorted(times)]
    taken = [time for time in seconds if slots.take(time)]
    assert taken[0] == seconds[0]
    indices = [int((time + 1e-6) * fps) for time in taken]
    assert len(set(indices)) == len(indices)
    assert {int((time + 1e-6) * fps) for time in seconds} == set(indices)


def test_a_picture_becomes_a_jpeg_of_the_same_colours() -> None:
    image = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    back = np.asarray(Image.open(io.BytesIO(jpeg(image))))
    assert np.abs(back.astype(int) - image).max() < 8


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_what_is_no_picture_is_refused(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    with pytest.raises(FrameError, match="height, width, 3"):
        jpeg(image)


def test_without_the_video_packages_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"pip install 'longwatch\[server\]'"):
        probe("any.mp4")


def test_the_client_and_its_pushers_are_imported_with_numpy_and_websockets_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'av', 'cv2', 'pydantic', 'rich', 'typer', 'PIL', 'fastapi'):\n"
        "    sys.modules[name] = None\n"
        "import longwatch.client, longwatch.client.sync, longwatch.client.push\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cameras_are_opened_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from longwatch.client.media import camera_pieces

    cv2 = pytest.importorskip("cv2", reason="needs libGL", exc_type=ImportError)
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    assert not cv2.VideoCapture(99).isOpened()
    with pytest.raises(SourceError, match="camera 99"):
        next(camera_pieces(99, 2.0))
