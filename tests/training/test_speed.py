"""The speed benchmark measures each part and says what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from training import speed

if TYPE_CHECKING:
    from pathlib import Path

PARTS = {"tower", "projector", "read", "frame", "question", "token"}


@pytest.mark.slow
def test_a_quick_run_reports_every_part_for_each_number_of_threads(tmp_path: Path) -> None:
    path, threads = tmp_path / "speed.json", torch.get_num_threads()
    speed.main(["--quick", "--frames", "4", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert report["name"] == "speed"
    assert report["command"].startswith("python -m training.speed --quick")
    assert {(row["threads"], row["part"]) for row in report["rows"]} == {
        (n, part) for n in speed.THREADS for part in PARTS
    }
    assert {"fps_1_threads", "fps_2_threads", "tower_fps_2_threads"} <= {*report["summary"]}
    assert torch.get_num_threads() == threads


def test_rates_are_those_of_the_medians() -> None:
    rows = [
        {"threads": 2, "part": "frame", "ms": 50.0},
        {"threads": 2, "part": "token", "ms": 4.0},
        {"threads": 2, "part": "read", "ms": 1.0},
    ]
    assert speed.summarise(rows) == {"fps_2_threads": 20.0, "decode_tokens_per_s_2_threads": 250.0}
