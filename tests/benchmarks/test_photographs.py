"""A quick run of the benchmark on photographs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import photographs
from longwatch.cli.demo_script import load_pictures

if TYPE_CHECKING:
    from pathlib import Path


def test_every_truth_is_true_of_the_pictures_shown() -> None:
    show = photographs.Show(tuple(load_pictures()), 4.0, 1.0)
    asked = [(kind, q.text, q.truth) for kind, q in photographs.questions(show, 2)]
    names = [picture.name for picture in show.pictures]
    assert ("now", "what do you see", names[2]) in asked
    assert ("wasthere", f"was there a {names[0]}", "yes") in asked
    assert ("wasthere", f"was there a {names[3]}", "no") in asked
    assert ("isthere", f"is there a {names[0]}", "no") in asked
    assert ("at", "what was there at 0:06", names[1]) in asked
    assert ("first", f"when was the {names[2]} first seen", "0:08") in asked
    assert ("after", f"what came after the {names[0]}", names[1]) in asked
    assert ("before", f"what came before the {names[2]}", names[1]) in asked
    assert ("ndist", "how many things did you see", "3") in asked


@pytest.mark.slow
def test_the_model_names_what_it_sees(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    photographs.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert report["summary"]["accuracy"]["now"] >= 0.9
    assert report["summary"]["accuracy"]["wasthere"] >= 0.9
    assert sum(row["asked"] for row in report["rows"]) > 300
