"""The gate: duplicates stay outside, and nothing that happens does."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.stream.gate import COLUMNS, ROWS, FrameSignature, Gate
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

H, W = 180, 320


def passing(gate: Gate, pictures: Iterable[NDArray[np.uint8]], fps: float = 2.0) -> list[int]:
    """Return which pictures are kept, as a stream keeps them."""
    kept: FrameSignature | None = None
    found = []
    for i, image in enumerate(pictures):
        now = gate.look(Frame(image, i / fps, i))
        if not gate.repeats(now, kept):
            kept = now
            found.append(i)
    return found


def plain(level: float, count: int = 1, size: tuple[int, int] = (H, W)) -> list[NDArray[np.uint8]]:
    return [np.full((*size, 3), round(level), np.uint8)] * count


def noisy(sigma: float, count: int) -> list[NDArray[np.uint8]]:
    """Return a static scene as a sensor with noise sees it."""
    rng = np.random.default_rng(0)
    scene = rng.integers(30, 220, (H, W, 3)).astype(float)
    seen = scene + rng.normal(0, sigma, (count, H, W, 3))
    return list(seen.clip(0, 255).astype(np.uint8))


def test_a_static_stream_costs_a_frame_each_interval() -> None:
    assert passing(Gate(seconds=5), plain(90, 61)) == [0, 10, 20, 30, 40, 50, 60]


def test_the_noise_of_a_sensor_is_nothing_new() -> None:
    assert passing(Gate(seconds=60), noisy(8, 40)) == [0]


def test_a_drift_too_slow_to_see_from_frame_to_frame_is_seen() -> None:
    levels = [80 + i / 2 for i in range(200)]
    kept = passing(Gate(seconds=1e6), [plain(level)[0] for level in levels])
    assert len(kept) > 10
    assert max(levels[b] - levels[a] for a, b in itertools.pairwise(kept)) < 0.05 * 255


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_small_thing_is_seen_where_it_appears(channel: int) -> None:
    before = plain(100)[0]
    after = before.copy()
    after[40:52, 60:72, channel] += 80  # a quarter of a hundredth of the picture
    assert passing(Gate(seconds=1e6), [before, before, after, after, before]) == [0, 2, 4]


def test_a_picture_of_another_size_is_new() -> None:
    pictures = [*plain(9, 2), *plain(9, 2, (H, W // 2)), *plain(9, 2)]
    assert passing(Gate(seconds=1e6), pictures) == [0, 2, 4]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 4, 9, 60, 200]), min_size=1, max_size=30), st.data())
def test_what_is_left_out_was_shown_by_the_last_frame_kept(
    levels: Sequence[int], data: st.DataObject
) -> None:
    gate = Gate(data.draw(st.sampled_from([0.01, 0.05, 0.5])), data.draw(st.floats(0.5, 20)))
    pictures = [plain(level, size=(18, 32))[0] for level in levels]
    kept = passing(gate, pictures)
    assert kept[0] == 0
    for i in range(len(levels)):
        last = max(k for k in kept if k <= i)
        assert i - last < 2 * gate.seconds
        assert last == i or abs(levels[i] - levels[last]) <= gate.change * 255
    for end in range(len(levels)):  # later frames change nothing
        assert passing(gate, pictures[:end]) == [k for k in kept if k < end]


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_a_picture_of_any_size_becomes_the_same_few_spots(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    look = Gate().look(Frame(image, 1.5, 0))
    assert (look.spots.shape, look.shape, look.time) == ((ROWS, COLUMNS, 3), image.shape, 1.5)
    assert look.spots.min() >= 0
    assert look.spots.max() <= 255


@pytest.mark.parametrize("wrong", [{"change": 0}, {"change": 1.1}, {"seconds": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Gate(**wrong)
