"""A short run of the ingest benchmark, at a small size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import ingest, true_shape
from benchmarks.archive import Clock
from benchmarks.ingest import Stage, measure, rows, summarise
from benchmarks.true_shape import QWEN2_05B, Reader, clip

if TYPE_CHECKING:
    from pathlib import Path

SMALL = QWEN2_05B | {
    "hidden_size": 56,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "max_position_embeddings": 4096,
}


def test_a_clip_is_partly_still() -> None:
    one, other = clip(2, 16)
    away = (one.embeds - other.embeds).abs().amax(1)
    still = float((away < 0.5).float().mean())
    assert still == pytest.approx(1 - true_shape.MOVING, abs=0.1)
    assert one.grid == (14, 14)
    assert len(one) == 196


def test_every_method_reads_fifty_of_196_tokens_into_a_full_window() -> None:
    model, frames = Reader(SMALL), clip(4, 56)
    stages = [Stage(model, method, frames[:2], 400) for method in ("keep_all", "ctr", "longwatch")]
    clock = measure(stages, 2, lambda turn, _: frames[2 + turn])
    found = rows("small", stages, clock)
    assert [row["tokens"] for row in found] == [196, 50, 50]
    assert found[0]["speedup_vs_all_tokens"] == 1
    for row in found:
        least = row["compress_ms"] + row["read_ms"]
        assert row["ms_per_frame"][1] <= row["ms_per_frame"][0] <= row["ms_per_frame"][2]
        assert row["ms_per_frame"][0] == pytest.approx(least, rel=0.5)
        assert row["encode_ms"] == 0


def test_what_all_methods_share_counts_in_the_speedup() -> None:
    stages = [Stage(Reader(SMALL), method, clip(1, 56), 200) for method in ("keep_all", "ctr")]
    clock = Clock()
    clock.times = {"encode": [10.0], "compress keep_all": [0.0], "read keep_all": [30.0]}
    clock.times |= {"compress ctr": [2.0], "read ctr": [8.0]}
    slow, fast = rows("bundled", stages, clock)
    assert slow["ms_per_frame"] == [40.0, 40.0, 40.0]
    assert fast["speedup_vs_all_tokens"] == 2


def test_the_summary_has_the_contracts_keys_and_the_gain_behind_the_tower() -> None:
    times = {"keep_all": 400.0, "longwatch": 100.0}
    made = [
        {
            "model": "qwen2-0.5b",
            "method": method,
            "ms_per_frame": [ms, ms, ms],
            "speedup_vs_all_tokens": 400 / ms,
        }
        for method, ms in times.items()
    ]
    assert summarise(made, None) == {
        "ms_per_frame": {"qwen2-0.5b": times},
        "speedup_vs_all_tokens": {"qwen2-0.5b": {"keep_all": 1.0, "longwatch": 4.0}},
    }
    assert summarise(made, [200.0, 1.0, 300.0])["speedup_behind_the_tower"] == 2


@pytest.mark.slow
def test_both_models_have_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "QWEN2_05B", SMALL)
    monkeypatch.setattr(ingest, "WINDOW", 400)
    path, threads = tmp_path / "report.json", torch.get_num_threads()
    ingest.main(["--quick", "--methods", "ctr", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert torch.get_num_threads() == threads
    assert [(row["model"], row["method"]) for row in report["rows"]] == [
        (model, method) for model in ("bundled", "qwen2-0.5b") for method in ("keep_all", "ctr")
    ]
    assert set(report["summary"]) >= {"ms_per_frame", "speedup_vs_all_tokens"}
