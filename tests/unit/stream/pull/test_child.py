"""The child process by itself: how it starts, and that it always ends."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.frame_ring import FrameRing
from longwatch.stream.pull.process import ChildProcess, PullJob
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings
from tests.support.media import write_clip
from tests.support.pull_rig import DEADLINE


def job(ring: FrameRing, folder: Path, name: str, **given: str) -> PullJob:
    address = parse_address(name, **given)  # type: ignore[arg-type]
    return PullJob(address, UrlPolicy(root=str(folder)), PullSettings(), None, 40_000, ring.fd)


def test_a_child_needs_none_of_the_models() -> None:
    code = (
        "import sys, longwatch.stream.pull.child; "
        "print(sorted({'torch', 'transformers', 'pydantic', 'fastapi', 'cv2'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_child_ends_when_its_parent_lets_go(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=500)
    with closing(FrameRing(3, 40_000)) as ring:
        worker = ChildProcess(job(ring, tmp_path, "a.mp4"), ring)
        events: list[str] = []
        while "frame" not in events and not worker.over:
            events += [event["event"] for event in worker.hear(DEADLINE)]
        assert events[0] == "open"
        assert worker.close(patient=True) == 0
        assert not Path(f"/proc/{worker.pid}").exists()


def test_a_child_that_is_stuck_is_killed(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", count=500)
    with closing(FrameRing(3, 40_000)) as ring:
        worker = ChildProcess(job(ring, tmp_path, "a.mp4"), ring)
        assert worker.close(patient=False) == -9
        assert not Path(f"/proc/{worker.pid}").exists()


def test_nothing_about_a_child_that_others_can_see_holds_the_password(tmp_path: Path) -> None:
    with closing(FrameRing(3, 40_000)) as ring:
        made = job(ring, tmp_path, "rtsp://127.0.0.1:1/x", username="user", password="hunter2")
        worker = ChildProcess(made, ring)
        try:
            seen = b"".join(
                Path(f"/proc/{worker.pid}/{n}").read_bytes() for n in ("cmdline", "environ")
            )
            assert b"hunter2" not in seen
            events = []
            while not worker.over:
                events += worker.hear(DEADLINE)
            assert events[-1]["code"] == "source_refused"
            assert "hunter2" not in str(events)
        finally:
            worker.close(patient=True)


def test_a_child_whose_decoder_hangs_says_so_and_ends() -> None:
    code = """
from longwatch.stream.pull.child import EventWriter, watch_decoder
from longwatch.stream.decoding.decoder import DecodeTimer
import threading
stopwatch = DecodeTimer(0.01)
threading.Thread(target=watch_decoder, args=(stopwatch, EventWriter()), daemon=True).start()
with stopwatch.running():
    threading.Event().wait()
"""
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE
    )
    assert json.loads(out.stdout)["code"] == "decode_timeout"
