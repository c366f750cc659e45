"""PruneVid's segments and what they tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from longwatch.compressors.density import density_peaks
from longwatch.compressors.prunevid import NEIGHBOURS, PruneVid
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of


def moving(frames: int, cells: list[int]) -> list[torch.Tensor]:
    """Return a still 5 x 5 picture in which `cells` alone change."""
    random = torch.Generator().manual_seed(0)
    picture = torch.randn(25, 16, generator=random) + 3
    made = []
    for _ in range(frames):
        now = picture.clone()
        now[cells] = torch.randn(len(cells), 16, generator=random)
        made.append(now)
    return made


def test_a_segment_begins_with_clusters_of_all_cells() -> None:
    tokens = make(Clip(grid=(5, 5)))[0]
    kept = run(PruneVid(keep=0.2), [tokens])[0]
    centres, owner = density_peaks(tokens.embeds, 5, NEIGHBOURS)
    expected = torch.stack([tokens.embeds[owner == i].mean(0) for i in range(5)])
    torch.testing.assert_close(kept.embeds, expected)
    assert torch.equal(kept.positions, tokens.positions[:, centres])


def test_within_a_segment_dynamic_cells_alone_are_told() -> None:
    clip = [tokens_of(x, (5, 5)) for x in moving(6, [3, 17])]
    kept = run(PruneVid(keep=1, longest=100), clip)
    assert [len(k) for k in kept] == [25, 2, 2, 2, 2, 2]
    assert torch.equal(kept[3].embeds, clip[3].embeds[[3, 17]])


def test_the_share_is_of_the_dynamic_cells() -> None:
    clip = [tokens_of(x, (5, 5)) for x in moving(3, [0, 4, 8, 12])]
    assert [len(k) for k in run(PruneVid(keep=0.5), clip)] == [12, 2, 2]


def test_a_still_picture_is_told_anew_in_every_segment() -> None:
    clip = [tokens_of(x, (5, 5)) for x in moving(9, [])]
    assert [len(k) for k in run(PruneVid(keep=0.4, longest=4), clip)] == [10, 1, 1, 1] * 2 + [10]


def test_a_new_sight_begins_a_segment() -> None:
    still = moving(1, [])[0]
    clip = [tokens_of(x, (5, 5)) for x in (still, still, -still, -still)]
    assert [len(k) for k in run(PruneVid(keep=0.4), clip)] == [10, 1, 10, 1]


def test_a_cell_is_held_against_its_mean_so_slow_drift_is_seen() -> None:
    """Neighbouring frames differ by 6 degrees; 0.8 are 37 degrees from the mean."""
    turns = [torch.tensor(0.1 * t) for t in range(20)]
    drift = [torch.stack([t.cos(), t.sin()]) for t in turns]
    still = torch.tensor([[1.0, 0]]).repeat(24, 1)
    clip = [tokens_of(torch.cat([d[None], still]), (5, 5)) for d in drift]
    kept = run(PruneVid(keep=1, longest=100, cut=-1), clip)
    assert torch.equal(kept[15].embeds, clip[15].embeds[:1])
    assert kept[15].positions[1:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("wrong", [{"static": 2}, {"cut": -1.5}, {"longest": 0}])
def test_settings_outside_their_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        PruneVid(**wrong)
