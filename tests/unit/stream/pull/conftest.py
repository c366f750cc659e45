"""Real servers, where this machine has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.cameras import Server, missing, missing_ffmpeg, missing_vlc

if TYPE_CHECKING:
    from collections.abc import Iterator


def need(lacks: str | None) -> None:
    """Skip what this machine lacks something for, or fail where nothing may be skipped."""
    if lacks and os.environ.get("REQUIRE_SYSTEM_PACKAGES"):
        pytest.fail(f"this machine lacks {lacks}")
    if lacks:
        pytest.skip(f"this machine lacks {lacks}")


@pytest.fixture(scope="session")
def _gstreamer() -> None:
    need(missing())


@pytest.fixture(scope="session")
def _vlc() -> None:
    need(missing_vlc())


@pytest.fixture(scope="session")
def _ffmpeg() -> None:
    need(missing_ffmpeg())


@pytest.fixture
def server(_gstreamer: None) -> Iterator[Server]:
    """Return a server of RTSP that was not started yet."""
    made = Server()
    try:
        yield made
    finally:
        made.kill()
