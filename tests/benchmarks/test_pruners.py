"""What the comparison of pruners counts, and a quick run of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import pruners

if TYPE_CHECKING:
    from pathlib import Path


def test_times_are_ratios_to_all_tokens_of_the_same_stream() -> None:
    some = [
        pruners.Result(way, 0.5, 10.0, seconds if way.method == pruners.ALL else seconds / 2)
        for seconds in (1.0, 3.0)
        for way in pruners.WAYS
    ]
    rows = {(row["method"], row["share"]): row for row in pruners.rows_of(some)}
    assert rows["keep_all", 1.0]["time_ratio"] == 1.0
    assert rows["fastv", 0.25]["time_ratio"] == 0.5
    assert rows["fastv", 0.25]["accuracy"] == pytest.approx(0.5)


def test_a_quick_run_reads_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = [pruners.Way("fastv", share) for share in (0.5, 0.125)]
    monkeypatch.setattr(pruners, "WAYS", [pruners.WAYS[0], pruners.Way("longwatch", 0.5), *fast])
    path = tmp_path / "pruners.json"
    monkeypatch.setattr(pruners, "SHARES", (0.5,))
    pruners.main(["--quick", "--json", str(path)])
    rows = json.loads(path.read_text("utf-8"))["rows"]
    assert [row["method"] for row in rows] == ["keep_all", "longwatch", "fastv", "fastv"]
    tokens = {(row["method"], row["share"]): row["tokens"] for row in rows}
    assert tokens["fastv", 0.5] < tokens["keep_all", 1.0]
    assert tokens["fastv", 0.125] < tokens["fastv", 0.5]
