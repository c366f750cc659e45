"""When a value counts as right, and what a run reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import structured, zoom
from longwatch.models.answer_words import CANNOT_TELL
from training.questions.generator import Question

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("kind", "answers", "good", "bad"),
    [
        ("is_there", ("yes",), True, (False, "yes", None, 1)),
        ("was_there", ("no",), False, (True, 0, None)),
        ("how_many", ("three",), 3, (4, "three", True, 3.5, None)),
        ("where", ("top left", "top"), "top", ("left", None)),
        ("now", ("cat and fox",), ["fox", "cat"], (["cat"], ["cat", "fox", "fox"], "cat", None)),
        ("now", ("nothing",), [], (["nothing"], None)),
        ("first", ("00:05",), " 00:05", ("00:06", 5, None)),
    ],
)
def test_a_value_is_right_if_it_is_a_right_answer(
    kind: str, answers: tuple[str, ...], good: Any, bad: tuple[Any, ...]
) -> None:
    asked = Question(kind, "", answers)
    assert structured.right(asked, good)
    assert not any(structured.right(asked, value) for value in bad)


def test_what_is_no_value_of_a_schema_is_not_asked() -> None:
    for kind in ("is_there", "how_many", "where"):
        assert structured.schema_of(Question(kind, "", (CANNOT_TELL,)), ()) is None


def test_a_gain_is_the_mean_over_streams_of_values_won_less_values_lost() -> None:
    def value(stream: int, put: str, *, fields: bool, whole: bool) -> structured.Value:
        numbers = dict.fromkeys(structured.WAYS, 1)
        rights = {"fields": fields, "whole": whole}
        return structured.Value(stream, put, "now", rights, rights, {**numbers}, numbers)

    some = [
        value(0, "one", fields=True, whole=False),
        value(0, "one", fields=True, whole=True),
        value(1, "one", fields=False, whole=True),
        value(1, "all", fields=True, whole=False),
    ]
    told = structured.summary_of(some)
    assert told["gain_one"][0] == pytest.approx((0.5 - 1.0) / 2)
    assert (told["right_fields_all"], told["right_whole_all"]) == (1.0, 0.0)
    assert told["valid_fields"] == 0.75


def test_a_quick_run_asks_every_kind_both_ways(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoom, "FRAMES", 6)
    monkeypatch.setattr(structured, "FRAMES", 6)
    monkeypatch.setattr(structured, "TOKENS", 24)
    path = tmp_path / "structured.json"
    structured.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert {row["put"] for row in report["rows"]} == {"one", "all"}
    assert all(row["valid_fields"] == 1 for row in report["rows"] if row["put"] == "one")
