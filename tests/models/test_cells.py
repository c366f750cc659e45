"""Laws of where visual tokens are."""

from __future__ import annotations

import pytest

from longwatch.models.cells import places, positions


@pytest.mark.parametrize("grid", [(3, 3), (6, 6), (2, 5)])
def test_the_whole_frame_comes_first_and_cells_follow_row_by_row(grid: tuple[int, int]) -> None:
    rows, columns = grid
    where, at = places(grid), positions(grid)
    assert where.shape == (1 + rows * columns, 2)
    assert at.shape == (3, 1 + rows * columns)
    assert where[0].isnan().all()
    assert at[:, 0].tolist() == [0, rows // 2, columns // 2]
    for k in range(rows * columns):
        row, column = divmod(k, columns)
        assert at[:, 1 + k].tolist() == [0, row, column]
        assert where[1 + k].tolist() == pytest.approx(
            [(column + 0.5) / columns, (row + 0.5) / rows]
        )
