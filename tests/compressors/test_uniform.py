"""Evenly spaced tokens."""

from __future__ import annotations

from longwatch.compressors.uniform import Uniform
from tests.compressors.clips import Clip, make, run


def test_cells_of_a_sixth_are_neither_in_one_row_nor_in_one_column() -> None:
    kept = run(Uniform(1 / 6), make(Clip(frames=1, grid=(6, 6))))[0]
    assert kept.positions[1].tolist() == [0, 1, 2, 3, 4, 5]
    assert len(set(kept.positions[2].tolist())) >= 4


def test_exactly_the_share_stays_and_the_same_in_each_frame() -> None:
    frames = run(Uniform(1 / 4), make(Clip(frames=3, grid=(14, 14))))
    assert [len(kept) for kept in frames] == [49, 49, 49]
    assert len({tuple(kept.positions.flatten().tolist()) for kept in frames}) == 1
