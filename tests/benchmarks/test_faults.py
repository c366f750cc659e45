"""A small run of the faults benchmark, and that it would notice what it looks for."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks import fault_scenes, faults
from benchmarks.cameras import missing
from benchmarks.watched_service import children, held

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.fault_scenes import Scene


@pytest.mark.slow
def test_the_report_has_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "QUICK", faults.Protocol(("server_killed", "forbidden"), 2))
    path = tmp_path / "report.json"
    faults.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text())
    summary = report["summary"]
    assert summary["survived"] is True
    assert summary["leaked_fds"] == summary["leaked_threads"] == summary["leaked_processes"] == 0
    rows = {row["fault"]: row for row in report["rows"] if "fault" in row}
    assert rows["forbidden"]["code"] == "source_forbidden_url"
    if missing() is None:
        assert rows["server_killed"]["code"] == "source_ended"
        assert rows["server_killed"]["gap_s"] >= 2
        assert rows["server_killed"]["frames_lost"] > 10
        assert summary["cycles"] == 2
        assert summary["detect_s"] > 0
        assert summary["recover_s"] > 0


def test_a_fault_that_is_not_survived_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_: Scene) -> None:
        raise RuntimeError("no frame came")

    monkeypatch.setitem(fault_scenes.FAULTS, "refused", lost)
    row = fault_scenes.show(None, "refused")  # type: ignore[arg-type]
    assert (row["survived"], row["why"]) == (False, "no frame came")
    assert faults.most([row, {"detect_s": 2.0}, {"detect_s": 1.0}], "detect_s") == 2.0


def test_what_a_process_holds_is_counted() -> None:
    before = held(os.getpid())
    reading, writing = os.pipe()
    try:
        assert held(os.getpid()).fds == before.fds + 2
    finally:
        os.close(reading)
        os.close(writing)
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in children(os.getpid())
        child.kill()
