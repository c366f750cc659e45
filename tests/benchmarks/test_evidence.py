"""What counts as evidence that was found."""

from __future__ import annotations

import pytest

from benchmarks import evidence


def shown(frames: int, stream: int, *, past: bool, hit: float) -> evidence.Shown:
    return evidence.Shown(frames, stream, "at", past, True, dict.fromkeys(evidence.WAYS, hit))


def test_the_summary_counts_questions_about_the_past_alone() -> None:
    some = [
        shown(64, 0, past=True, hit=1.0),
        shown(64, 1, past=True, hit=0.0),
        shown(64, 1, past=False, hit=0.0),
    ]
    told = evidence.summary_of(some)
    assert told["true_frame_in_4"] == 0.5
    assert told["questions"] == 2
    assert told["ci95"] == pytest.approx([0.0, 1.0])
    [row] = evidence.rows_of(some)
    assert (row["questions"], row["recall"]) == (3, pytest.approx(1 / 3))
