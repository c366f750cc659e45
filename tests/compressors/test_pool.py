"""A coarser grid of means."""

from __future__ import annotations

import pytest
import torch

from longwatch.compressors.pool import Pool
from tests.compressors.clips import Clip, make, run


def test_a_quarter_is_the_mean_of_each_two_by_two() -> None:
    tokens = make(Clip(frames=1, grid=(6, 6)))[0]
    kept = run(Pool(1 / 4), [tokens])[0]
    expected = tokens.embeds.unflatten(0, (3, 2, 3, 2)).mean((1, 3)).flatten(0, 1)
    torch.testing.assert_close(kept.embeds, expected)
    assert kept.positions[1:].T.tolist() == [[y, x] for y in (0, 2, 4) for x in (0, 2, 4)]


@pytest.mark.parametrize(
    ("grid", "share", "expected"),
    [((6, 6), 1 / 8, 4), ((9, 9), 1 / 4, 20), ((14, 14), 1 / 4, 49), ((1, 8), 1 / 4, 2)],
)
def test_the_coarse_grid_is_the_largest_that_fits(
    grid: tuple[int, int], share: float, expected: int
) -> None:
    assert len(run(Pool(share), make(Clip(frames=1, grid=grid)))[0]) == expected


def test_everything_is_kept_as_it_is_at_the_whole_share() -> None:
    tokens = make(Clip(grid=(5, 3)))[0]
    assert torch.equal(run(Pool(1.0), [tokens])[0].embeds, tokens.embeds)
