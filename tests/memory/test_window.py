"""The sliding window of whole frames."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory import Window
from longwatch.memory.segment import Segment


def segment(tokens: int, time: float | None) -> Segment:
    kv = (torch.zeros(1, tokens, 2),)
    return Segment(kv, kv, torch.arange(tokens)[None], time)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    text=st.integers(0, 3),
    tokens=st.integers(1, 60),
    sinks=st.integers(0, 4),
)
def test_retain_keeps_sinks_and_the_newest_frames_that_fit(
    sizes: list[int], text: int, tokens: int, sinks: int
) -> None:
    policy = Window(tokens, sinks)
    kept: tuple[Segment, ...] = tuple(segment(3, None) for _ in range(text))
    frames = [segment(n, float(i)) for i, n in enumerate(sizes)]
    for new in frames:
        kept = policy.retain((*kept, new))
    fixed, window = kept[: text + sinks], kept[text + sinks :]
    assert [s.time for s in fixed] == [None] * text + [f.time for f in frames[:sinks]]
    assert kept[-1] is frames[-1] or not frames
    # What slides is a run of the newest frames: within the budget, or one frame that is over it.
    assert list(window) == (frames[-len(window) :] if window else [])
    used = sum(map(len, window))
    assert used <= tokens or len(window) == 1
    # Nothing was dropped that had room: the frame before the run would not fit.
    older = len(frames) - len(window) - 1
    if older >= sinks and window:
        assert used + len(frames[older]) > tokens or (len(window) == 1 and used > tokens)


@pytest.mark.parametrize("settings", [{"tokens": 0}, {"tokens": -5}, {"sinks": -1}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must"):
        Window(**settings)
