"""What nothing in the stream stands for is not dropped as a repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longwatch.compressors.dycoke import DyCoke
from longwatch.compressors.framefusion import FrameFusion
from tests.compressors.clips import Clip, make, run

if TYPE_CHECKING:
    from longwatch.compressors.base import Budgeted
    from longwatch.compressors.shown import Shown


@pytest.mark.parametrize("method", [FrameFusion(keep=0.25), DyCoke(keep=0.25)], ids=repr)
def test_no_cell_of_a_still_picture_is_told_twice_before_the_ceiling_has_let_it(
    method: Budgeted[Shown],
) -> None:
    told: list[tuple[int, ...]] = []
    for kept in run(method, make(Clip(frames=2, grid=(6, 6), kind="static"))):
        told += map(tuple, kept.positions[1:].T.tolist())
    assert len(told) == len(set(told)) == 18
