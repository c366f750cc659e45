"""Tables of `benchmarks.pretrained`: shares, intervals, and who is ahead of whom."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.pretrained_report import rows, summarise, wilson


def record(
    preset: str, budget: str, stream: int, right: list[bool], kind: str = "dense", frames: int = 64
) -> dict[str, Any]:
    return {
        "kind": kind,
        "frames": frames,
        "stream": stream,
        "preset": preset,
        "budget": budget,
        "right": right,
        "found": [1.0] * len(right),
        "used": 0.2 + stream / 100,
        "frame_ms": 10.0 + stream,
        "answer_ms": 5.0,
        "kl": [0.1] * len(right),
    }


def streams(preset: str, budget: str, share: int, count: int = 8) -> list[dict[str, Any]]:
    return [record(preset, budget, s, [i < share for i in range(10)]) for s in range(count)]


def test_wilson_is_that_of_the_textbook() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_row_has_the_share_of_all_streams_and_what_is_kept_of_full() -> None:
    made = rows([*streams("full", "1", 8), *streams("longwatch", "1/4", 6)])
    (ours,) = (row for row in made if row["preset"] == "longwatch")
    assert ours["questions"] == 80
    assert ours["accuracy"] == pytest.approx(0.6)
    assert ours["kept"][0] == pytest.approx(0.75)
    assert ours["used"] == pytest.approx(0.27)
    assert ours["frame_ms"] == 13.5


def test_kept_is_of_the_streams_that_both_have() -> None:
    full = [*streams("full", "1", 8, 4), record("full", "1", 9, [False] * 10)]
    made = rows([*full, *streams("window", "1/4", 4, 4)])
    (window,) = (row for row in made if row["preset"] == "window")
    assert window["kept"][0] == pytest.approx(0.5)


def test_a_preset_that_is_ahead_beyond_chance_is_named() -> None:
    records = [
        *streams("full", "1", 9),
        *streams("longwatch", "1/4", 5),
        *streams("window", "1/4", 7),
        *streams("rekv", "1/4", 3),
    ]
    summary = summarise(rows(records), records)
    assert summary["behind"] == ["dense 64 1/4 window"]
    over = [{**record, "used": 0.3} for record in records]
    assert summarise(rows(over), over)["behind"] == []
    assert summary["kept_quarter_dense"] == pytest.approx(5 / 9)
    assert summary["kept_quarter_redundant"] is None
    assert summary["questions"] == 320


def test_without_full_there_is_nothing_to_keep() -> None:
    made = rows(streams("longwatch", "default", 5))
    assert made[0]["kept"] is None
    assert summarise(made, streams("longwatch", "default", 5))["kept_default_min"] is None
