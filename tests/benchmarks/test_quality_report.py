"""The figures that the quality benchmark makes of answers, on answers made up."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from benchmarks.quality_report import Answered, rows, summarise


class Case(NamedTuple):
    """A preset at a budget."""

    preset: str
    budget: str
    allowed: int = 100
    over: bool = False


def answered(stream: int, right: bool, recall: float | None = 1.0, kind: str = "now") -> Answered:
    return Answered(16, stream, "pixels", kind, right, recall, recall, 80 + stream, 200)


def test_rows_have_every_kind_and_all_of_them() -> None:
    some = [answered(0, True), answered(1, False, None), answered(1, True, 0.5, "first")]
    made = {row["kind"]: row for row in rows(Case("rekv", "1/4"), some)}
    assert list(made) == ["now", "first", "all"]
    assert made["now"]["accuracy"] == 0.5
    assert made["now"]["recall"] == 1.0
    assert made["first"]["recall"] == 0.5
    assert made["all"]["questions"] == 3
    assert made["all"]["recall"] == pytest.approx(0.75)
    assert made["all"]["bytes"] == 81


def test_a_kind_that_needs_no_frame_has_no_recall() -> None:
    made = rows(Case("rekv", "1/4"), [answered(0, True, None)])
    assert {row["recall"] for row in made} == {None}


def test_the_summary_compares_with_full_and_with_ours() -> None:
    tables = {
        ("full", "1", 16): [answered(0, True), answered(1, True)],
        ("rekv", "1/4", 16): [answered(0, True), answered(1, False)],
        ("longwatch", "1/4", 16): [answered(0, True), answered(1, True)],
    }
    summary = summarise(tables, set())
    assert summary["accuracy_full"] == 1.0
    assert summary["accuracy"]["rekv"]["1/4"] == 0.5
    assert summary["kept"]["rekv 1/4"][0] == 0.5
    assert summary["kept"]["longwatch 1/4"] == [1.0, 1.0, 1.0]
    assert summary["ahead"]["rekv 1/4"][0] == 0.5
    assert summary["best_preset_per_budget"] == {"1/4": "longwatch"}
    for key in ("ci95", "recall", "recall_ci95"):
        assert summary[key]["longwatch"]["1/4"] is not None


def test_who_is_over_the_budget_is_not_the_best_and_not_compared() -> None:
    tables = {
        ("rekv", "1/4", 16): [answered(0, True)],
        ("longwatch", "1/4", 16): [answered(0, False)],
    }
    summary = summarise(tables, {("rekv", "1/4", 16)})
    assert summary["best_preset_per_budget"] == {"1/4": "longwatch"}
    assert summary["ahead"] == {}
    assert summary["over"] == ["rekv 1/4 at 16"]
