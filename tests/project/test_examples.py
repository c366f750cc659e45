"""The examples run as they stand, against the real service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.service import serve
from tests.support.tiny import TinyVideoLM
from tests.unit.client.test_media import FRAMES, clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Serve the tiny model."""
    with serve(TinyVideoLM()) as running:
        yield running


def run(example: str, *args: str) -> str:
    """Run an example as users do, and return what it printed."""
    command = [sys.executable, str(EXAMPLES / example), *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_file_is_watched_and_then_asked_about(live: Live, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    watched = run("watch_a_file.py", str(path), live.url, "4")
    assert f"{FRAMES} messages" in watched
    assert "5 frames read, 0 lost" in watched
    answers = run("ask_a_stream.py", "clip", live.url).splitlines()
    assert sorted(line.partition(" ->")[0] for line in answers) == [
        "how many different things have you seen?",
        "what do you see now?",
    ]
    assert all("as of 2.0 s" in line for line in answers)


def test_a_compressor_of_one_s_own_reads_a_stream() -> None:
    *frames, total = run("my_compressor.py", "6").splitlines()
    shares = [int(line.partition("read ")[2].partition("%")[0]) for line in frames]
    assert len(shares) == 12
    assert max(shares) <= 50  # of each frame, as it was set
    assert min(shares) < 10  # while nothing happens
    assert total.endswith("tokens of 12 frames were read")


def test_every_example_is_run_by_a_test() -> None:
    tested = Path(__file__).read_text()
    assert all(f'"{example.name}"' in tested for example in EXAMPLES.glob("*.py"))
