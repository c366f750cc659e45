"""What is new in a frame: nothing where nothing changed, all where nothing compares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors.sight import Sight
from longwatch.types import VisualTokens
from tests.compressors.clips import clips, make, tokens_of

QUIET = 0.02


def cells(seed: int = 0, grid: tuple[int, int] = (2, 3), summary: int = 0) -> VisualTokens:
    generator = torch.Generator().manual_seed(seed)
    return tokens_of(torch.randn(summary + grid[0] * grid[1], 8, generator=generator), grid)


def picture(level: int, size: tuple[int, int] = (18, 32)) -> np.ndarray:
    return np.full((*size, 3), level, np.int16)


@settings(deadline=None)
@given(clips(), st.booleans())
def test_novelty_is_a_share_and_the_same_frame_has_none(clip: object, whole: bool) -> None:
    frames = make(clip)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    seen = [
        Sight.of(f, None if whole else random.integers(0, 256, (18, 32, 3)).astype(np.int16))
        for f in frames
    ]
    for now in seen:
        assert now.novelty(None, QUIET) == 1
        assert now.novelty(now, QUIET) == 0
        assert 0 <= now.novelty(seen[0], QUIET) <= 1


def test_the_mean_is_over_all_places_and_noise_is_none() -> None:
    before, after = picture(100), picture(100)
    after[:9] += 51  # a fifth of full scale, on half of the spots
    after[9:] += 4
    found = Sight.of(cells(), after).novelty(Sight.of(cells(), before), QUIET)
    assert found == pytest.approx((0.2 - QUIET) / 2 / (1 - QUIET))


def test_tokens_of_the_whole_frame_are_no_place() -> None:
    one = cells(1, summary=1)
    other = VisualTokens(one.embeds.clone(), one.positions, one.grid, summary=1)
    other.embeds[0] += 5
    assert Sight.of(other).novelty(Sight.of(one), QUIET) == 0


def test_nothing_compares_where_the_frames_are_of_two_shapes() -> None:
    assert Sight.of(cells(grid=(2, 3))).novelty(Sight.of(cells(grid=(3, 2))), 0) == 1
    assert Sight.of(cells(), picture(1)).novelty(Sight.of(cells()), 0) == 1


def test_what_was_kept_of_a_cell_is_known_and_the_rest_is_known_in_part() -> None:
    tokens = cells(grid=(2, 2))
    before, now = Sight.of(tokens, picture(0)), Sight.of(tokens, picture(200))
    kept = now.after(before, tokens.select(torch.tensor([3])), share=0.25)  # the lower right
    values = (kept.values.reshape(18, 32, 3) * 255).round()
    assert (values[9:, 16:] == 200).all()
    assert (values[:9] == 50).all()
    assert (values[9:, :16] == 50).all()


def test_a_first_frame_is_known_as_a_whole() -> None:
    now = Sight.of(cells())
    assert now.after(None, cells().select(torch.tensor([0])), 0.1) is now


def test_a_grid_finer_than_the_spots_is_fine() -> None:
    tokens = cells(grid=(40, 70))
    now = Sight.of(tokens, picture(9))
    assert now.after(Sight.of(tokens, picture(0)), tokens, 1.0).novelty(now, 0) == 0
