"""What the watches' benchmark counts."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest

from benchmarks import watches
from benchmarks.watches import Case, Outcome
from longwatch.models.bundled_model import load_bundled
from longwatch.stream.sources.synthetic import SyntheticSource
from training.questions.ground_truth import Seen

if TYPE_CHECKING:
    from pathlib import Path

TIMES = [k / 2 for k in range(12)]
HOLDS = [False, True, True, True, False, False, True, False, False, True, True, True]


def test_times_of_one_frame_do_not_count() -> None:
    assert list(watches.true_times(HOLDS, TIMES)) == [(0.5, 1.5), (4.5, 5.5)]


def test_each_time_is_told_right_once_and_all_else_is_wrong() -> None:
    case = Case("comes", "a dog appears", HOLDS)
    fired = [(1.0, 0.25), (1.5, 0.0), (3.0, 0.0)]
    assert watches.told(case, TIMES, fired) == (1, 2, 1, [0.75])
    assert watches.told(case, TIMES, []) == (0, 0, 2, [])


def test_a_row_counts_all_of_its_watches() -> None:
    some = [
        Outcome("comes", 3, 1, 0, [0.5, 0.5, 1.0], 50, 0.5, 100),
        Outcome("leaves", 1, 0, 4, [0.75], 50, 0.5, 100),
    ]
    row = watches.row("gate", "all", some)
    assert (row["precision"], row["recall"]) == (0.8, 0.5)
    assert row["delay_p50_s"] == 0.625
    assert row["ms_per_watch_and_frame"] == pytest.approx(5.0)
    assert watches.row("gate", "comes", [some[0]._replace(right=0, wrong=0)])["precision"] is None


def test_a_thing_cannot_leave_before_it_came() -> None:
    model, scene = load_bundled(), SyntheticSource(5)
    seen = Seen(scene.world, TIMES, groups=model.tokenizer.groups)
    for case in watches.cases(model, seen, len(TIMES), Random(1)):
        if case.kind == "leaves":
            name = case.condition.removeprefix("the ").removesuffix(" leaves")
            there = [name in {n for n, _ in seen.things(k)} for k in range(len(TIMES))]
            assert not any(case.holds[: there.index(True)])
            assert [a != b for a, b in zip(case.holds, there, strict=True)][there.index(True) :]


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "QUICK", (1, 6))
    path = tmp_path / "watches.json"
    watches.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text())
    assert {"precision", "recall", "delay_p50_s"} <= set(report["summary"])
    assert all(row["checks_per_frame"] <= 1 for row in report["rows"])
    every = [row for row in report["rows"] if row["looks"] != "gate"]
    assert all(row["checks_per_frame"] == 1 for row in every)
