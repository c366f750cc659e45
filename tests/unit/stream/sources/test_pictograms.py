"""Every shipped pictogram can be had by its name, premultiplied and visible."""

from __future__ import annotations

import numpy as np
import pytest

from longwatch.errors import ConfigError
from longwatch.stream.sources import pictograms


@pytest.mark.parametrize("name", pictograms.names())
def test_a_sprite_is_premultiplied_and_fills_its_square(name: str) -> None:
    sprite = pictograms.sprite(name)
    assert sprite.shape == (pictograms.SIDE, pictograms.SIDE, 4)
    assert sprite.dtype == np.uint8
    assert (sprite[..., :3] <= sprite[..., 3:]).all()
    rows, columns = (np.flatnonzero((sprite[..., 3] > 8).any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) >= pictograms.SIDE - 8


def test_names_are_distinct_and_plain() -> None:
    names = pictograms.names()
    assert len(set(names)) == len(names) >= 200
    assert all(name == name.lower().strip() and len(name.split()) <= 3 for name in names)


def test_an_unknown_name_is_an_error_that_says_where_the_names_are() -> None:
    with pytest.raises(ConfigError, match="names"):
        pictograms.sprite("a thing that nobody drew")
