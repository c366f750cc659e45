"""Every policy is read, asked and counted; a quick run has the contract's keys."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import pytest

from benchmarks import quality
from longwatch.memory import POLICIES, Longwatch
from longwatch.memory.full import Full
from tests.benchmarks.watched import model, stream
from training.answering import answer, read

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.quality_report import Answered


@cache
def everything() -> list[Answered]:
    return quality.evaluate(model(), Full(), [stream(16)])


def test_with_everything_kept_answers_are_those_of_the_evaluation() -> None:
    vlm, seen = model(), stream(16)
    snapshot = read(vlm, zip(seen.times, seen.tokens, strict=True))
    answered = everything()
    assert [a.right for a in answered] == [
        answer(vlm, snapshot, q) in q.answers for q in seen.questions
    ]
    assert {a.recall for a in answered} <= {None, 1.0}
    assert {a.recall_layers for a in answered} <= {None, 1.0}


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "full"])
def test_who_forgets_nothing_answers_as_full_does(name: str) -> None:
    """A budget that is never reached: nothing leaves what is at hand, or all comes back."""
    vlm, seen = model(), stream(16)
    answered = quality.evaluate(vlm, POLICIES[name](), [seen])
    full = everything()
    assert [a.right for a in answered] == [a.right for a in full]
    assert [a.recall for a in answered] == [a.recall for a in full]


def test_a_budget_of_less_than_a_few_frames_is_left_out() -> None:
    found = quality.cases(model(), stream(16), ["full", "window"], [4, 10])
    assert [(case.preset, case.budget) for case in found] == [("full", "1"), ("window", "1/4")]


@pytest.mark.slow
def test_the_report_has_its_keys_and_says_who_is_over(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    quality.main(["--quick", "--most", "16", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert {row["preset"] for row in report["rows"]} == set(POLICIES)
    for key in ("accuracy", "accuracy_full", "recall", "ci95", "best_preset_per_budget"):
        assert report["summary"][key] is not None
    for row in report["rows"]:
        assert row["over"] or row["bytes"] <= row["budget_bytes"]


def test_ours_is_of_the_size_that_the_service_gives_it() -> None:
    vlm = model()
    for name in POLICIES:
        if name == "longwatch":
            assert quality.policy_of(vlm, name) == Longwatch().sized(vlm.window_tokens)
        else:
            assert quality.policy_of(vlm, name) == POLICIES[name]()
