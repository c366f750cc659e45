"""The figures that the growth benchmark makes of times and sizes, on some made up."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks import aged, growth_report
from benchmarks.archive import Clock
from benchmarks.budgets import sealed
from benchmarks.replay import take
from longwatch.memory.longwatch import Longwatch
from tests.benchmarks.watched import model, stream

KEYS = (
    "ttft_ratio_24h_10min",
    "frame_ms_ratio_24h_10min",
    "device_bytes_ratio",
    "archive_compression",
    "bytes_24h_over_1h",
    "ttft_vs_reprefill64",
    "ttft_vs_whole_video",
)


def row(age: int, **other: Any) -> dict[str, Any]:
    same = {"device_bytes": 100, "total_bytes": 100 + age, "frame_ms_mean": 3.0}
    times = {name: [2.0, 1.0, 9.0] for name in ("frame_ms", "ttft_ms", "tpot_ms")}
    return {"preset": "longwatch", "age_s": age, **same, **times, **other}


@torch.inference_mode()
def hour() -> aged.Aged:
    vlm, seen = model(), stream(16)
    pooled = [take(vlm, vlm.frame_input(seen.tokens[0], 0.0), 0.0).segment]
    memory = aged.grow(vlm, Longwatch(window_tokens=20, max_bytes=None), pooled, 80, 0)
    return aged.Aged("longwatch", 80, memory, [(80.0, seen.tokens[0])], [])


def test_ratios_are_of_medians_at_the_right_ages() -> None:
    rows = [
        row(600),
        row(3600),
        row(86_400, ttft_ms=[3.0, 1.0, 9.0], device_bytes=110),
        {"again": "last 64 frames", "age_s": None, "ttft_ms": [40.0, 1, 2], "read_ms": [8.0, 1, 2]},
        {"again": "whole video", "age_s": 600, "ttft_ms": [400.0, 1, 2], "read_ms": [80.0, 1, 2]},
    ]
    summary = growth_report.summarise(rows, hour(), model())
    assert set(KEYS) <= set(summary)
    assert summary["ttft_ratio_24h_10min"] == 1.5
    assert summary["frame_ms_ratio_24h_10min"] == 1.0
    assert summary["device_bytes_ratio"] == 1.1
    assert summary["bytes_24h_over_1h"] == pytest.approx(86_500 / 3700)
    assert summary["ttft_vs_reprefill64"] == 20.0
    assert summary["ttft_vs_reprefill64_encoded"] == 4.0
    assert summary["ttft_vs_whole_video"] == 200.0


def test_an_age_that_was_not_reached_has_no_figure() -> None:
    summary = growth_report.summarise([row(60), row(600)], hour(), model())
    assert summary["ttft_ratio_24h_10min"] is None
    assert summary["ttft_vs_whole_video"] is None


def test_compression_is_of_all_tokens_that_are_gone() -> None:
    stream = hour()
    stats = stream.memory.stats()
    whole = (80 - stats.frames_stored) * 10 * 2560
    assert growth_report.compression(stream, model()) == pytest.approx(
        whole / sealed(stream.memory)
    )


def test_reading_again_is_encoding_and_reading() -> None:
    clock = Clock()
    clock.times = {
        "encode last": [10.0, 30.0, 20.0],
        "read last": [3.0, 1.0, 2.0],
        "tpot last": [1.0],
        "encode whole 60": [5.0],
        "read whole 60": [1.0],
        "tpot whole 60": [1.0],
    }
    last, whole = growth_report.rows_again(clock)
    assert last["again"] == "last 64 frames"
    assert last["ttft_ms"] == [22.0, 13.0, 31.0]
    assert (whole["age_s"], whole["ttft_ms"]) == (60, [6.0, 6.0, 6.0])
