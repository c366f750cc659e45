"""Sources are named by one word."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import ConfigError, SourceError
from longwatch.stream.sources.base import open_source
from longwatch.stream.sources.camera import CameraSource
from longwatch.stream.sources.file import FileSource
from longwatch.stream.sources.synthetic import SyntheticSource
from tests.support import media

if TYPE_CHECKING:
    from pathlib import Path


def test_a_number_after_synthetic_is_its_seed() -> None:
    source = open_source("synthetic:42", fps=3)
    assert isinstance(source, SyntheticSource)
    assert (source.seed, source.fps) == (42, 3)


def test_a_number_after_camera_is_its_device() -> None:
    source = open_source("camera:1")
    assert isinstance(source, CameraSource)
    assert source.device == 1


async def test_anything_else_is_a_file(tmp_path: Path) -> None:
    path = media.write_clip(tmp_path / "clip.mp4", "h264", 3)
    source = open_source(str(path))
    assert isinstance(source, FileSource)
    assert len([frame async for frame in source]) == 3


@pytest.mark.parametrize("name", ["camera:", "camera:one", "synthetic:-1", "synthetic:1.5"])
def test_what_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        open_source(name)


async def test_a_camera_that_is_not_there_is_named_so() -> None:
    pytest.importorskip("cv2", reason="OpenCV needs libGL", exc_type=ImportError)
    source = CameraSource(97)
    with pytest.raises(SourceError, match="camera 97") as caught:
        [frame async for frame in source]
    assert caught.value.code == "source_not_found"
    await source.aclose()


async def test_a_machine_without_opencv_s_libraries_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SourceError, match="apt-get install libgl1"):
        [frame async for frame in CameraSource(0)]
