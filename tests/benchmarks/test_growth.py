"""A short run of the growth benchmark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import growth

if TYPE_CHECKING:
    from pathlib import Path

SHORT = growth.Protocol((20, 40), 20, 20, 4, 3, 2, 3)


@pytest.mark.slow
def test_every_age_is_read_asked_and_sized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "QUICK", SHORT)
    monkeypatch.setattr(growth, "LAST", 8)
    path, threads = tmp_path / "report.json", torch.get_num_threads()
    growth.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert torch.get_num_threads() == threads
    ours = [(row["preset"], row["age_s"]) for row in report["rows"] if "preset" in row]
    assert ours == [("longwatch", 20), ("window", 20), ("full", 20), ("longwatch", 40)]
    again = [
        (row["again"], row["age_s"], row["repeats"]) for row in report["rows"] if "again" in row
    ]
    assert again == [("last 64 frames", None, 2), ("whole video", 20, 1)]
    for row in report["rows"]:
        for key in ("ttft_ms", "tpot_ms"):
            middle, least, most = row[key]
            assert 0 < least <= middle <= most
