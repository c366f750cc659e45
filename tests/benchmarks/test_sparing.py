"""A quick run of the benchmark on what is spared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import sparing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_a_static_stretch_costs_less_than_a_tenth_of_a_busy_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    sparing.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    off, on = (row for row in report["rows"] if "token_rate" in row)
    assert off["busy"] > 20
    assert off["noisy"] < off["busy"] / 10
    assert on["noisy"] < on["busy"] / 50
    plain, *gated = (row for row in report["rows"] if "gate_seconds" in row)
    assert plain["frames_read"] == 1
    assert all(row["frames_read"] < 0.8 for row in gated)
