"""Laws of every compressor in the table."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from longwatch.compressors import COMPRESSORS, Compressor
from longwatch.types import VisualTokens

CASES: list[Compressor[Any]] = [make() for make in COMPRESSORS.values()]


def frames(count: int, rows: int, columns: int, seed: int = 0) -> list[VisualTokens]:
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    positions = torch.stack([torch.zeros(rows * columns), y.flatten(), x.flatten()]).long()
    return [
        VisualTokens(
            torch.randn(rows * columns, 8, generator=generator),
            positions,
            (rows, columns),
            (torch.randn(rows * columns, 4, generator=generator),),
        )
        for _ in range(count)
    ]


def run(compressor: Compressor[Any], clip: list[VisualTokens]) -> list[VisualTokens]:
    state, kept = compressor.new_state(), []
    for tokens in clip:
        out, state = compressor.compress(tokens, state)
        kept.append(out)
    return kept


@pytest.mark.parametrize("compressor", CASES, ids=repr)
@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (6, 5)])
def test_tokens_keep_their_order_and_are_never_more_and_never_none(
    compressor: Compressor[Any], grid: tuple[int, int]
) -> None:
    for given, kept in zip(frames(5, *grid), run(compressor, frames(5, *grid)), strict=True):
        assert 1 <= len(kept) <= len(given)
        places = (kept.positions[1] * grid[1] + kept.positions[2]).tolist()
        assert places == sorted(set(places))
        assert [len(e) for e in kept.extras] == [len(kept)]
        assert kept.embeds.dtype == given.embeds.dtype


@pytest.mark.parametrize("compressor", CASES, ids=repr)
def test_what_is_kept_of_a_frame_never_depends_on_later_ones(compressor: Compressor[Any]) -> None:
    clip = frames(6, 3, 3)
    changed = [*clip[:3], *frames(3, 3, 3, seed=1)]
    for a, b in zip(run(compressor, clip)[:3], run(compressor, changed)[:3], strict=True):
        assert torch.equal(a.embeds, b.embeds)


def test_keep_all_keeps_all() -> None:
    clip = frames(4, 3, 3)
    for given, kept in zip(clip, run(COMPRESSORS["keep_all"](), clip), strict=True):
        assert kept is given
