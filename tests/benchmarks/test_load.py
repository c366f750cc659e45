"""A quick run of the load benchmark, and how its figures are made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import load
from benchmarks.load_traffic import Asked, Point, Traffic

if TYPE_CHECKING:
    from pathlib import Path

POINT = Point(streams=8, rate=load.RATE, seconds=10.0, tokens=4)


def run(firsts: list[float], *, code: str | None = None) -> Traffic:
    """Return a run in which answers of four tokens began after so many seconds."""
    asked = [Asked(due=5.0, first=5.0 + s, end=5.3 + s, tokens=4, code=code) for s in firsts]
    return Traffic(seconds=10.0, asked=asked, lags=[0.5], sent=80, used=70)


def test_goodput_counts_answers_that_came_in_time() -> None:
    runs = [run([0.2, 0.9, 1.5]), run([0.4, 3.0]), run([0.1], code="overloaded")]
    row = load.row(POINT, load.BATCH, runs)
    assert (row["asked"], row["answered"], row["refused"]) == (6, 5, 1)
    assert row["goodput_1s_rps"] == pytest.approx(3 / 30)
    assert row["goodput_2s_rps"] == pytest.approx(4 / 30)
    assert row["attainment_1s"] == pytest.approx(3 / 6)
    assert row["goodput_1s_range"] == [0.0, pytest.approx(0.2)]
    assert row["tpot_p50_ms"] == pytest.approx(100)
    assert row["ttft_p50_ms"] == pytest.approx(900)


def test_an_answer_that_did_not_end_is_no_success() -> None:
    open_end = Traffic(seconds=10.0, asked=[Asked(due=0.0, first=0.1)])
    row = load.row(POINT, 1, [open_end])
    assert (row["answered"], row["unfinished"], row["goodput_2s_rps"]) == (0, 1, 0.0)


def test_cost_and_energy_follow_from_what_is_stated() -> None:
    rows = [
        load.row(POINT, load.BATCH, [run([0.1] * 40)]),
        load.row(POINT, 1, [run([0.1] * 10)]),
    ]
    found = load.summary(rows, price=3.6, watts=32.0)
    assert found["goodput_gain_batching_8"] == pytest.approx(4.0)
    assert found["cost_per_request"] == pytest.approx(3.6 / 3600 / 4)  # 4 requests a second
    assert found["joules_per_token"] == pytest.approx(32 / 16)  # 16 tokens a second
    assert found["cost_per_request_one_by_one"] == pytest.approx(3.6 / 3600)
    assert found["knee_streams"] == {"one by one": 8, "batched": 8}


@pytest.mark.slow
def test_the_report_has_its_keys_and_both_services_were_asked_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    load.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text())
    assert report["name"] == "load"
    rows = [row for row in report["rows"] if "batch" in row]
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert (one["batch"], other["batch"]) == (load.BATCH, 1)
        assert one["asked"] == other["asked"] > 0
    assert any(row["answered"] for row in rows)
    assert sum(row["frames_read"] for row in rows) > 0
    keys = {"ttft_p50_ms", "ttft_p99_ms", "tpot_p50_ms", "slo_attainment", "goodput_rps"}
    keys |= {"goodput_gain_batching_8", "cost_per_request", "joules_per_token"}
    assert keys <= set(report["summary"])
