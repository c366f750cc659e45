"""Rows and summary of made-up results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.compressors_report import Case, Result, beside, draw, pareto, rows, summarise

if TYPE_CHECKING:
    from pathlib import Path


def results(nll: float, right: bool, used: float) -> list[Result]:
    """Return two streams of one length and one of another, two questions each."""
    return [
        Result(frames, ["now", "at"], [nll, nll + 1], [right, True], used, 2.0)
        for frames in (8, 8, 12)
    ]


TABLE = {
    Case("keep_all", 1.0): results(1.0, right=True, used=1.0),
    Case("ctr", 0.25): results(1.5, right=False, used=0.25),
    Case("dtd", 0.25): results(1.7, right=False, used=0.25),
    Case("sttm", 0.25): results(3.0, right=False, used=0.1),
    Case("longwatch", 0.25): results(1.25, right=True, used=0.25),
}


def test_a_row_holds_the_means_and_their_distance_to_all_tokens() -> None:
    found = {(r["method"], r["kind"]): r for r in rows("6x6", TABLE)}
    row = found["ctr", "all"]
    assert row["accuracy"] == 0.5
    assert row["nll"] == pytest.approx(2.0)
    assert row["nll_over_keep_all"] == pytest.approx(0.5)
    assert row["nll_over_keep_all_ci95"] == pytest.approx([0.5, 0.5])
    assert row["accuracy_over_keep_all"] == pytest.approx(-0.5)
    assert row["ms_per_frame"] == [2.0, 2.0, 2.0]
    assert row["questions"] == 6
    assert found["ctr", "now"]["accuracy"] == 0
    assert found["ctr", "at"]["accuracy"] == 1


def test_ours_is_compared_with_the_best_other_one() -> None:
    assert beside(TABLE, 0.25) == {
        "method": "ctr",
        "nll_above_ours": pytest.approx(0.25),
        "ci95": pytest.approx([0.25, 0.25]),
    }
    assert beside({Case("longwatch", 0.25): results(1.0, right=True, used=0.25)}, 0.25) == {}


def test_the_summary_has_the_contracts_keys() -> None:
    summary = summarise({"6x6": TABLE}, rows("6x6", TABLE))
    assert summary["accuracy"]["keep_all 6x6 1/1"] == 1
    assert summary["ms_per_frame"]["ctr 6x6 1/4"] == 2
    assert summary["of_keep_all_at_quarter_6x6"] == 1
    assert summary["best_other_6x6_1/4"]["method"] == "ctr"
    assert summary["pareto"]["6x6"] == ["sttm 6x6 1/4", "longwatch 6x6 1/4", "keep_all 6x6 1/1"]


def test_a_case_is_on_the_front_where_none_is_better_for_as_few_tokens() -> None:
    def row(method: str, used: float, nll: float) -> dict[str, object]:
        return {"grid": "g", "method": method, "share": 1.0, "used": used, "nll": nll}

    table = [row("a", 0.5, 1.0), row("b", 0.5, 1.0), row("c", 0.5, 1.1), row("d", 0.4, 2.0)]
    assert pareto("g", table) == ["d g 1/1", "a g 1/1", "b g 1/1"]
    assert pareto("other", table) == []


def test_a_plot_is_drawn_for_each_figure_and_grid(tmp_path: Path) -> None:
    paths = draw(tmp_path, rows("6x6", TABLE))
    assert [path.name for path in paths] == [
        f"compressors_{name}_6x6.png" for name in ("nll", "accuracy", "ms")
    ]
    assert all(path.stat().st_size > 0 for path in paths)
