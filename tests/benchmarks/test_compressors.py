"""A short run of the compressors' benchmark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import compressors
from benchmarks.compressors import thin
from longwatch.compressors import Ctr, KeepAll
from tests.benchmarks.watched import stream

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_used_is_counted() -> None:
    frames = stream(12).tokens
    assert thin(KeepAll(), frames).used == 1
    thinned = thin(Ctr(keep=0.3), frames)
    assert thinned.used == pytest.approx(0.3)
    assert [len(tokens) for tokens in thinned.frames] == [3] * 12
    assert thinned.ms > 0


@pytest.mark.slow
def test_every_method_has_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressors, "QUICK", (compressors.Length(3, 1),))
    path, threads = tmp_path / "report.json", torch.get_num_threads()
    compressors.main(["--quick", "--methods", "keep_all", "ctr", "longwatch", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert torch.get_num_threads() == threads
    whole = [(r["grid"], r["method"], r["share"]) for r in report["rows"] if r["kind"] == "all"]
    assert whole == [
        (grid, method, share)
        for grid in ("6x6", "9x9")
        for method, share in (("keep_all", 1.0), ("ctr", 0.25), ("longwatch", 0.25))
    ]
    assert set(report["summary"]) >= {"accuracy", "ms_per_frame", "pareto"}
