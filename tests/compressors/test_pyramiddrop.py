"""PyramidDrop, against what its paper says."""

from __future__ import annotations

import pytest

from longwatch.compressors import PyramidDrop
from longwatch.errors import ConfigError


def test_a_half_goes_at_the_end_of_each_quarter_as_published() -> None:
    assert PyramidDrop().stages(32) == pytest.approx({7: 0.5, 15: 0.25, 23: 0.125})


def test_a_shallow_model_ends_at_the_same_share() -> None:
    assert PyramidDrop().stages(2) == pytest.approx({0: 0.125})


def test_one_stage_is_refused() -> None:
    with pytest.raises(ConfigError, match="parts"):
        PyramidDrop(parts=1)
