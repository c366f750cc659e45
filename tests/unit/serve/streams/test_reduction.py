"""What a stream spares the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from longwatch.errors import ConfigError
from longwatch.serve.streams.reduction import FrameReducer, ReductionSettings, ReductionStats
from longwatch.types import Frame, VisualTokens
from tests.compressors.clips import same, tokens_of

CELLS = 16


def frame(at: float, level: int = 100) -> Frame:
    return Frame(np.full((36, 64, 3), level, np.uint8), at, 0)


def tokens(seed: int) -> VisualTokens:
    generator = torch.Generator().manual_seed(seed)
    return tokens_of(torch.randn(CELLS, 8, generator=generator), (4, 4))


def read(
    sparing: FrameReducer, at: float, seed: int = 0, level: int = 100, **load: int
) -> int | None:
    """Read a frame as a stream does; return how many of its tokens, None if it was spared."""
    given = frame(at, level)
    if sparing.is_duplicate(given):
        return None
    kept = sparing.compress(tokens(seed), given, **({"lost": 0, "waiting": 0} | load))
    if kept is None:
        return None
    sparing.commit(given)
    return len(kept)


def test_by_default_nothing_is_spared() -> None:
    sparing = FrameReducer(ReductionSettings())
    kept = sparing.compress(tokens(1), frame(0.0), lost=5, waiting=2)
    assert kept is not None
    assert same(kept, tokens(1))
    assert [read(sparing, i / 2) for i in range(3)] == [CELLS] * 3
    assert sparing.stats() == ReductionStats(until=1.0, share=1.0)


def test_a_share_is_kept_of_every_frame() -> None:
    sparing = FrameReducer(ReductionSettings("uniform", keep=0.25))
    assert [read(sparing, i / 2, seed=i) for i in range(3)] == [4] * 3
    assert sparing.stats().share == 0.25


def test_a_compressor_may_look_at_the_picture() -> None:
    """Tokens alike and pictures not: the method that compares pixels is given them."""
    sparing = FrameReducer(ReductionSettings("stc", keep=0.5))
    given = frame(0.0)
    kept = sparing.compress(tokens(0), given, lost=0, waiting=0)
    assert kept is not None
    assert kept.image is given.image


def test_the_gate_compares_with_the_last_frame_that_was_read() -> None:
    sparing = FrameReducer(ReductionSettings(gate=0.05, gate_seconds=100))
    found = [read(sparing, i / 2, level=100 + i) for i in range(12)]
    assert found[0] == CELLS
    assert 1 < sum(n is not None for n in found) < 6  # drift is seen, and most is spared
    stats = sparing.stats()
    assert stats.frames_gated == found.count(None)
    assert stats.until == 5.5  # what the newest frame showed is known


def test_a_frame_that_failed_is_not_the_one_compared_with() -> None:
    sparing = FrameReducer(ReductionSettings("dtd", gate=0.05, token_rate=100))
    assert not sparing.is_duplicate(frame(0.0))
    before = sparing.compress(tokens(0), frame(0.0), lost=0, waiting=0)
    assert not sparing.is_duplicate(frame(0.5))  # the first was not committed
    again = sparing.compress(tokens(0), frame(0.5), lost=0, waiting=0)
    assert before is not None
    assert again is not None
    assert same(before, again)


def test_a_token_rate_holds_over_the_stream() -> None:
    sparing = FrameReducer(ReductionSettings("uniform", token_rate=8))
    found = [read(sparing, i / 2, seed=i) or 0 for i in range(100)]
    assert sum(found[20:]) <= 8 * 40 + 1
    assert min(found) >= 1


def test_under_load_a_frame_has_fewer_tokens_and_the_statistics_say_so() -> None:
    sparing = FrameReducer(ReductionSettings("uniform", token_rate=16))
    usual = [read(sparing, i / 2, level=i % 2 * 90) or 0 for i in range(40)][-1]
    eased = [read(sparing, 20 + i / 2, level=i % 2 * 90, waiting=1) or 0 for i in range(6)][-1]
    assert 1 <= eased < usual
    assert sparing.stats().degraded == "frames_wait"
    assert sparing.stats().ease < 0.5
    read(sparing, 23.0, seed=9, lost=1)
    assert sparing.stats().degraded == "frames_lost"
    for i in range(40):
        read(sparing, 24 + i / 2, seed=i, lost=1)
    assert (sparing.stats().ease, sparing.stats().degraded) == (1.0, None)


def test_what_moves_has_more_than_what_stands_still() -> None:
    sparing = FrameReducer(ReductionSettings("uniform", token_rate=8))
    levels = [100] * 20 + [20, 180, 60] * 5
    found = [read(sparing, i / 2, level=level) or 0 for i, level in enumerate(levels)]
    assert found[1:20] == [1] * 19
    assert found[20] == CELLS  # what stood still has paid for it
    assert min(found[20:]) > 1


def test_a_frame_that_cannot_be_paid_is_counted() -> None:
    sparing = FrameReducer(ReductionSettings("uniform", token_rate=1))
    found = [read(sparing, i / 100, seed=i) for i in range(50)]
    assert None in found
    assert sparing.stats().frames_unpaid == found.count(None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"compressor": "keepall"},
        {"keep": 0.5},  # of keep_all
        {"compressor": "dtd", "keep": 0.0},
        {"token_rate": 10.0},  # of keep_all
        {"compressor": "dtd", "token_rate": -1.0},
        {"compressor": "dtd", "token_rate": 1.0, "fps": 2.0},
        {"gate": 2.0},
        {"gate": 0.1, "gate_seconds": 0.0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ReductionSettings(**wrong)
