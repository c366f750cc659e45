"""What the dialogue's benchmark asks."""

from __future__ import annotations

import pytest

from benchmarks import dialogue


@pytest.mark.parametrize("turns", dialogue.TURNS)
def test_a_dialogue_ends_with_a_question(turns: int) -> None:
    made = dialogue.dialogue(turns)
    assert len(made) == turns
    assert [turn.role for turn in made[-2:]] == ["assistant", "user"][-turns:]


def test_each_length_has_its_row() -> None:
    rows = dialogue.measure(8, 1, 0)
    assert [row["turns"] for row in rows] == list(dialogue.TURNS)
    assert all(0 < row["min_ms"] <= row["prefill_ms"] <= row["max_ms"] for row in rows)
