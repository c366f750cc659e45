"""A quick run of the benchmark on photographs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import photographs
from longwatch.cli.demo.script import load_pictures


def test_every_truth_is_true_of_the_pictures_shown() -> None:
    show = photographs.Show(tuple(load_pictures()), 4.0, 1.0)
    asked = [(kind, q.text, q.truth) for kind, q in photographs.questions(show, 2)]
    names = [picture.name for picture in show.pictures]

    def truths(kind: str, what: str) -> set[str]:
        return {truth for k, text, truth in asked if k == kind and what in text}

    assert truths("now", "") == {names[2]}
    assert truths("was_there", names[0]) == {"yes"}
    assert truths("was_there", names[3]) == {"no"}
    assert truths("is_there", names[0]) == {"no"}
    assert truths("at", "00:06") == {names[1]}
    assert truths("first", names[2]) == {"00:08"}
    assert truths("after", names[0]) == {names[1]}
    assert truths("before", names[2]) == {names[1]}
    assert truths("how_many", "") == {"three"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("photographs") / "report.json"
    photographs.main(["--quick", "--json", str(path)])
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return made


@pytest.mark.slow
def test_the_model_names_what_it_sees(report: dict[str, Any]) -> None:
    accuracy = report["summary"]["accuracy"]
    assert accuracy[photographs.NAMED] >= 0.98
    assert accuracy["was_there"] >= 0.9
    assert sum(row["asked"] for row in report["rows"]) > 200


@pytest.mark.slow
def test_the_model_names_nothing_else(report: dict[str, Any]) -> None:
    assert report["summary"]["accuracy"]["now"] >= 0.9
