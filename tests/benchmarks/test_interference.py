"""A quick run of the interference benchmark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import interference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_report_has_its_keys_and_every_frame_is_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    interference.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text())
    assert report["name"] == "interference"
    assert {row["load"] for row in report["rows"]} == {
        "frames alone",
        "frames and questions",
        "overload",
    }
    for row in report["rows"]:
        assert row["frames_read"] + row["frames_dropped"] == row["frames_offered"]
    assert report["rows"][2]["frames_dropped"] > 0
    assert report["rows"][1]["answers"] > 0
    for key in ("dropped_within_capacity", "frame_lag_p99_ms", "ttft_p50_ms", "ttft_p99_ms"):
        assert report["summary"][key] is not None
    assert report["summary"]["decode_tokens_per_s"] > 0
