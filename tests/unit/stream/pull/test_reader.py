"""Reading one source to its end."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import SourceError
from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.frame_ring import FrameRing
from longwatch.stream.pull.opening import opened
from longwatch.stream.pull.process import PullJob
from longwatch.stream.pull.reader import Reader
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings
from tests.support.media import read_number, write_clip
from tests.support.pull_rig import pulled

if TYPE_CHECKING:
    from pathlib import Path


def job(folder: Path, name: str, **changes: Any) -> PullJob:
    given: dict[str, Any] = {"fps": None, "max_pixels": 40_000, "fd": 0, **changes}
    return PullJob(
        parse_address(name), UrlPolicy(root=str(folder)), PullSettings(slots=64), **given
    )


def read(made: PullJob) -> tuple[FrameRing, bool, list[str]]:
    """Read to the end; return the ring, whether that is for good, and the events."""
    told: list[str] = []
    ring = FrameRing(64, made.max_pixels)
    finite = Reader(made, ring, threading.Event(), lambda event, **_: told.append(event)).run()
    return ring, finite, told


def test_a_file_is_read_whole_at_its_own_pace(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=20)
    ring, finite, told = read(job(tmp_path, "a.mp4"))
    with closing(ring):
        pictures = list(ring.take())
        assert finite
        assert [read_number(picture.image) for picture in pictures] == list(range(20))
        assert [picture.pts for picture in pictures] == pytest.approx([n / 25 for n in range(20)])
        assert pictures[-1].arrived - pictures[0].arrived >= 0.7
        assert told == ["open", *["frame"] * 20]


def test_frames_are_chosen_by_their_time_and_by_their_size(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=20)
    ring, _, _ = read(job(tmp_path, "a.mp4", fps=5.0))
    with closing(ring):
        assert len(list(ring.take())) == 4
        assert ring.counts().rate == 16
    ring, _, told = read(job(tmp_path, "a.mp4", max_pixels=100))
    with closing(ring):
        assert told == ["open"]
        assert ring.counts().damaged > 0


@pytest.mark.parametrize(
    ("name", "code"),
    [("missing.mp4", "source_not_found"), ("text.mp4", "source_corrupt")],
)
def test_what_is_no_video_is_told(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "text.mp4").write_text("this is no video " * 100)
    with pytest.raises(SourceError) as caught, opened(job(tmp_path, name)):
        pass
    assert caught.value.code == code


def test_a_file_that_names_others_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    secret = write_clip(tmp_path / "secret.mp4", count=10)
    root = tmp_path / "clips"
    root.mkdir()
    (root / "list.txt").write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    (root / "list.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n"
    )
    for name in ("list.txt", "list.m3u8"):
        with pulled(name, rules=UrlPolicy(root=str(root))) as source:
            source.until_state("reconnecting")
            assert not source.frames


def test_a_file_ends_and_a_loop_does_not(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=10)
    rules = UrlPolicy(root=str(tmp_path))
    with pulled("a.mp4", rules=rules) as source:
        source.until_state("ended", "source_ended")
        assert source.frames[0].captured_at is None
    with pulled("a.mp4", rules=rules, loop=True) as source:
        source.until(lambda: len(source.frames) > 25)
        assert source.states == [("connecting", None), ("online", None)]
        assert source.timeline.gaps == []


def test_pictures_that_take_too_long_to_decode_are_left_out(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=5)
    hasty = replace(job(tmp_path, "a.mp4"), settings=PullSettings(slots=64, decode_s=1e-9))
    ring, finite, told = read(hasty)
    with closing(ring):
        assert (finite, told) == (True, ["open"])
        assert (ring.counts().decoded, ring.counts().damaged >= 5) == (0, True)
