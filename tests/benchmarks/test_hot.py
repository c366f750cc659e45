"""A small run of the benchmark of decoded blocks: answers are the same, and the report has keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import hot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_report_has_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "QUICK_FRAMES", 60)
    path = tmp_path / "report.json"
    hot.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert [row["room_mib"] for row in report["rows"]] == list(hot.ROOMS)
    assert report["rows"][0]["ratio"] == 1
    assert report["rows"][0]["hits"] == 0 < report["rows"][-1]["hits"]
    for row in report["rows"]:
        assert row["device_bytes"] <= row["room_mib"] << 20
    assert report["summary"]["best_ratio"] <= 1
