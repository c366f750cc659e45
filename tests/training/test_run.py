"""The command trains, in two processes, stops and goes on."""

from __future__ import annotations

import pytest

from training import run


@pytest.mark.slow
def test_a_short_training_learns_something(capfd: pytest.CaptureFixture[str]) -> None:
    run.main(["--smoke"])
    assert "the loss of the answers fell" in capfd.readouterr().out


def test_stages_end_with_the_longest_streams_and_have_names_of_their_own() -> None:
    longest = [stage.lesson.frames[1] for stage in run.CURRICULUM]
    assert longest[0] == min(longest)
    assert longest[-1] == max(longest)
    assert len({stage.name for stage in run.CURRICULUM}) == len(run.CURRICULUM)
