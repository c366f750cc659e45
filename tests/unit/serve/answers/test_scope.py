"""A range limits what is recalled, never what is at hand, and is dropped where nothing is held."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from longwatch.memory import Longwatch, Window
from longwatch.models.base import Turn
from longwatch.serve.answers.scope import limit_recall
from longwatch.serve.answers.time_expressions import MARGIN, TimeRange
from longwatch.serve.answers.types import Question
from tests.support import tiny

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot

STEP = 4.0  # seconds from a frame to the next
TIMES = [STEP * i for i in range(40)]  # the last one at 2:36


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    policy = Longwatch(window_tokens=40, block_tokens=8, tokens=16, thinning=None)
    return tiny.remember(tiny.TinyVideoLM(), policy, TIMES)


def recallable(snapshot: Snapshot) -> set[float]:
    view = snapshot.view
    if view is None:
        return set()
    tokens, _ = view.tokens(np.flatnonzero(view.allowed()))
    return set(tokens.time.tolist())


def asked(text: str, *earlier: str, **fields: TimeRange | None) -> Question:
    turns = [Turn("user", line) for line in (*earlier, text)]
    return Question(tuple(turns), **fields)  # type: ignore[arg-type]


def test_what_is_said_limits_what_is_recalled_and_nothing_else(snapshot: Snapshot) -> None:
    made = limit_recall(snapshot, asked("what was there between 0:20 and 0:40?"))
    assert made.span == TimeRange(20, 41)
    assert recallable(made.snapshot) == {20.0, 24.0, 28.0, 32.0, 36.0, 40.0}
    assert made.snapshot.segments == snapshot.segments
    assert not made.dropped


def test_what_is_asked_for_goes_before_what_is_said(snapshot: Snapshot) -> None:
    text = "what was there at 0:20?"
    assert recallable(limit_recall(snapshot, asked(text, range=TimeRange(40, 44))).snapshot) == {
        40.0,
        44.0,
    }
    free = limit_recall(snapshot, asked(text, range=None))
    assert free.span is None
    assert recallable(free.snapshot) == recallable(snapshot)


def test_only_the_last_turn_counts(snapshot: Snapshot) -> None:
    assert limit_recall(snapshot, asked("and before that?", "what was there at 0:20?")).span is None


def test_a_moment_reaches_to_the_frames_on_either_side(snapshot: Snapshot) -> None:
    made = limit_recall(snapshot, asked("what was there at 0:42?"))
    assert recallable(made.snapshot) == {40.0, 44.0}
    gap = tiny.remember(
        tiny.TinyVideoLM(),
        snapshot.policy,
        [t for t in TIMES if not 20 < t < 80],
    )
    made = limit_recall(gap, asked("what was there at 0:42?"))
    assert recallable(made.snapshot) == {20.0, 80.0}
    assert made.span == TimeRange(20, 80)


@pytest.mark.parametrize("text", ["what was there at 12:05?", "what came between 0:41 and 0:42?"])
def test_a_range_without_a_frame_is_dropped(snapshot: Snapshot, text: str) -> None:
    made = limit_recall(snapshot, asked(text))
    assert (made.span, made.dropped) == (None, True)
    assert made.snapshot is snapshot


def test_a_range_of_frames_at_hand_alone_recalls_nothing(snapshot: Snapshot) -> None:
    made = limit_recall(snapshot, asked("what was there in the last ten seconds?"))
    assert (made.dropped, recallable(made.snapshot)) == (False, set())
    assert made.span == TimeRange(146, 156)


def test_now_is_the_newest_frame_that_may_be_seen(snapshot: Snapshot) -> None:
    made = limit_recall(snapshot.until(100.5), asked("what was there in the last ten seconds?"))
    assert made.span == TimeRange(90, 100)
    assert recallable(made.snapshot) == {92.0, 96.0, 100.0}


def test_a_window_alone_can_hold_a_range_too() -> None:
    window = tiny.remember(tiny.TinyVideoLM(), Window(tokens=40, sinks=1), TIMES)
    assert limit_recall(window, asked("what was there in the last ten seconds?")).span is not None
    assert limit_recall(window, asked("what was there at 0:42?")).span == TimeRange(0, 144)
    assert limit_recall(window, asked("what was there between 0:30 and 0:40?")).dropped


def test_a_time_of_day_is_known_with_the_streams_origin(snapshot: Snapshot) -> None:
    local = datetime.fromtimestamp(1_800_000_000, UTC).astimezone().replace(second=0)
    question = asked(f"what was there at {local:%H:%M} today?")
    made = limit_recall(snapshot, question, local.timestamp() - 60)
    assert made.span == TimeRange(60 - MARGIN, 120 + MARGIN)
    assert limit_recall(snapshot, asked("and today?")).span is None
