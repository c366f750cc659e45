"""FluxMem: what is new stays, and what is alike side by side is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.compressors.fluxmem import FluxMem
from longwatch.compressors.otsu import otsu
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


def cells(kept: VisualTokens) -> list[int]:
    found: list[int] = (kept.positions[1] * kept.grid[1] + kept.positions[2]).tolist()
    return found


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return 1 - float(torch.cosine_similarity(a, b, dim=0))


def near(a: int, b: int, columns: int) -> bool:
    return abs(a // columns - b // columns) <= 1 and abs(a % columns - b % columns) <= 1


def test_over_time_the_tokens_that_the_formula_names_stay() -> None:
    first, second = make(Clip(frames=2, grid=(6, 5), width=3))
    change = [
        min(distance(a, b) for j, b in enumerate(first.embeds) if near(i, j, 5))
        for i, a in enumerate(second.embeds)
    ]
    limit = max(0.2, otsu(torch.tensor(change), low=0, high=2, bins=128))
    kept = run(FluxMem(), [first, second])[1]
    assert cells(kept) == [i for i, d in enumerate(change) if d >= limit]


def test_what_moved_by_one_cell_is_not_new() -> None:
    first = make(Clip(frames=1, grid=(6, 6), width=17))[0]
    moved = first.embeds.clone()
    moved[[14, 15]] = first.embeds[[15, 14]]
    moved[28] = -first.embeds[28]
    kept = run(FluxMem(spatial=True), [first, replace(first, embeds=moved)])[1]
    assert cells(kept) == [28]


def test_over_space_each_region_becomes_its_mean_at_its_middle() -> None:
    """Three colours in bands, one of them not quite even."""
    colours = torch.eye(3, 8)
    bands = colours.repeat_interleave(12, 0)
    bands[12:24, 3] = torch.linspace(-0.1, 0.1, 12)
    kept = run(FluxMem(spatial=True), [tokens_of(bands, (6, 6))])[0]
    assert len(kept) == 3
    torch.testing.assert_close(kept.embeds, bands.unflatten(0, (3, 12)).mean(1))
    assert (kept.positions[1] // 2).tolist() == [0, 1, 2]
    assert int(kept.positions[1, 1] * 6 + kept.positions[2, 1]) in (17, 18)


def test_regions_that_do_not_touch_stay_apart() -> None:
    colours = torch.eye(2, 8)[[0, 1, 0, 1]]
    kept = run(FluxMem(spatial=True), [tokens_of(colours.repeat_interleave(4, 0), (8, 2))])[0]
    assert len(kept) == 4


def test_a_still_scene_keeps_one_token_a_frame() -> None:
    kept = run(FluxMem(spatial=True), make(Clip(frames=4, grid=(6, 6), kind="static", width=17)))
    assert [len(t) for t in kept[1:]] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["noise", "drift", "static"])
def test_at_a_share_every_frame_has_it(kind: str) -> None:
    clip = make(Clip(grid=(6, 6), kind=kind, width=17))
    assert [len(t) for t in run(FluxMem().at(1 / 4), clip)] == [9, 9, 9, 9]


@pytest.mark.parametrize("share", [1 / 2, 1 / 4, 1 / 8, 1 / 16])
def test_joining_goes_on_to_the_ceiling(share: float) -> None:
    first = run(FluxMem(share), make(Clip(frames=1, grid=(9, 9), width=17)))[0]
    assert len(first) == int(share * 81)


def test_a_first_frame_is_whole() -> None:
    first = make(Clip(frames=1))[0]
    assert torch.equal(run(FluxMem(), [first])[0].embeds, first.embeds)


def test_noise_is_one_region() -> None:
    """Half of all distances are below Otsu's threshold, and half is enough to connect a grid."""
    assert len(run(FluxMem(spatial=True), make(Clip(frames=1, grid=(9, 9), width=17)))[0]) == 1


def test_a_cosine_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="same"):
        FluxMem(same=1.5)
