"""Learning curves: means of spans of steps, drawn beside the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from training import curves

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    {"step": 25, "loss": 9.0, "now": 0.0, "at": 0.5},
    {"step": 250, "loss": 8.0, "now": 1.0},
    {"step": 275, "loss": 7.0, "now": 1.0, "at": 0.0},
    {"step": 300, "loss": 7.0},
]


def test_a_point_is_the_mean_of_its_span_and_all_kinds_count_alike() -> None:
    found = curves.curves(LINES)
    assert found["now"] == [(250, 0.5), (500, 1.0)]
    assert found["at"] == [(250, 0.5), (500, 0.0)]
    assert found[curves.ALL] == [(250, pytest.approx(0.625)), (500, 0.5)]
    assert set(found) == {"now", "at", curves.ALL}


def test_the_picture_lies_beside_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    curves.main(["--log", str(log)])
    with Image.open(tmp_path / "curves.png") as picture:
        assert len(set(picture.convert("RGB").tobytes())) > 2
