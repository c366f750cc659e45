"""STTM, against a recursive quadtree."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from longwatch.compressors.sttm import Sttm
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of

quick = settings(max_examples=40, deadline=None)
Cells = list[tuple[int, int]]


def leaves(x: torch.Tensor, cells: Cells, size: int, spatial: float) -> list[Cells]:
    """Return the leaves under the node of `cells`, a square of `size` in `x` (rows, columns, d)."""

    def mean(of: Cells) -> torch.Tensor:
        return torch.stack([x[cell] for cell in of]).mean(0)

    if size == 1:
        return [cells]
    half = size // 2
    children: dict[tuple[int, int], Cells] = {}
    for y, c in cells:
        children.setdefault((y // half, c // half), []).append((y, c))
    alike = [functional.cosine_similarity(mean(c), mean(cells), dim=0) for c in children.values()]
    if len(children) > 1 and min(alike) >= spatial:
        return [cells]
    return [leaf for c in children.values() for leaf in leaves(x, c, half, spatial)]


def smooth(seed: int, grid: tuple[int, int], frames: int = 1) -> list[torch.Tensor]:
    """Return pictures (rows, columns, d) that are even in places."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 6, 3, 3, generator=random)
    picture = functional.interpolate(coarse, size=grid, mode="bilinear")[0].permute(1, 2, 0)
    return [picture + 0.2 * torch.randn(*grid, 6, generator=random) for _ in range(frames)]


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    spatial=st.sampled_from([0.3, 0.7, 0.8, 0.95]),
)
@quick
def test_a_frame_is_cut_as_the_recursion_cuts_it(
    seed: int, rows: int, columns: int, spatial: float
) -> None:
    x = smooth(seed, (rows, columns))[0]
    size = 1
    while size < max(rows, columns):
        size *= 2
    every = [(y, c) for y in range(rows) for c in range(columns)]
    expected = {min(leaf): leaf for leaf in leaves(x, every, size, spatial)}
    kept = run(Sttm(spatial=spatial), [tokens_of(x.flatten(0, 1), (rows, columns))])[0]
    assert list(map(tuple, kept.positions[1:].T.tolist())) == sorted(expected)
    means = [torch.stack([x[c] for c in expected[place]]).mean(0) for place in sorted(expected)]
    torch.testing.assert_close(kept.embeds, torch.stack(means))


@given(seed=st.integers(0, 1000), temporal=st.sampled_from([0.6, 0.9, 0.97]))
@quick
def test_what_is_like_the_nodes_of_the_frame_before_goes(seed: int, temporal: float) -> None:
    pictures = smooth(seed, (7, 6), frames=2)
    every = [(y, c) for y in range(7) for c in range(6)]
    cut = [leaves(x, every, 8, 0.8) for x in pictures]

    def mean(of: Cells, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[cell] for cell in of]).mean(0)

    best = {}
    for leaf in cut[1]:
        past = [p for p in cut[0] if set(p) <= set(leaf) or set(leaf) <= set(p)]
        now = mean(leaf, pictures[1])
        best[min(leaf)] = max(
            float(functional.cosine_similarity(now, mean(p, pictures[0]), dim=0)) for p in past
        )
    expected = [place for place, alike in best.items() if alike < temporal]
    expected = expected or [min(best, key=lambda place: best[place])]
    clip = [tokens_of(x.flatten(0, 1), (7, 6)) for x in pictures]
    kept = run(Sttm(temporal=temporal), clip)[1]
    assert list(map(tuple, kept.positions[1:].T.tolist())) == sorted(expected)


@given(seed=st.integers(0, 1000), k=st.integers(1, 36))
@quick
def test_a_ceiling_makes_the_nodes_larger(seed: int, k: int) -> None:
    tokens = tokens_of(smooth(seed, (6, 6))[0].flatten(0, 1), (6, 6))
    free = run(Sttm(), [tokens])[0]
    kept = run(Sttm(keep=k / 36), [tokens])[0]
    assert len(kept) <= k
    corners = [set(map(tuple, frame.positions[1:].T.tolist())) for frame in (free, kept)]
    assert corners[1] == corners[0] if len(free) <= k else corners[1] < corners[0]


def test_an_even_picture_is_one_token_and_later_nothing_new() -> None:
    x = torch.ones(36, 4)
    assert [len(kept) for kept in run(Sttm(), [tokens_of(x, (6, 6))] * 3)] == [1, 1, 1]


def test_noise_is_kept_cell_by_cell() -> None:
    clip = make(Clip(frames=3, grid=(6, 6), width=256))
    assert [len(kept) for kept in run(Sttm(), clip)] == [36, 36, 36]


@pytest.mark.parametrize("wrong", [{"spatial": 2}, {"temporal": -2}])
def test_cosines_outside_their_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Sttm(**wrong)
