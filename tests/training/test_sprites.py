"""The concepts' list is sound; where the drawings are installed they rasterise."""

from __future__ import annotations

import numpy as np
import pytest

from longwatch.errors import ConfigError
from longwatch.stream.sources import pictograms
from training import sprites


def test_the_shipped_pictograms_are_the_concepts() -> None:
    assert pictograms.names() == sprites.concepts()


def test_every_concept_is_drawn_in_the_held_out_styles_and_most_trained_ones() -> None:
    has = {style: sprites.slugs(style) for style in sprites.STYLES}
    for name in sprites.concepts():
        assert name in has[sprites.NEAR]
        assert name in has[sprites.FAR]
        assert sum(name in has[style] for style in sprites.TRAINED) >= 5


def test_an_unknown_style_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(ConfigError, match="noto"):
        sprites.sprites("woodcut")


def test_a_drawing_fills_its_square() -> None:
    pytest.importorskip("resvg_py")
    if not (sprites.CACHE / "node_modules").exists():
        pytest.skip("the pictogram packages are not installed")
    (sprite,) = sprites.rasterise("noto", ["dog-face"], 64)
    assert (sprite[..., :3] <= sprite[..., 3:]).all()
    rows, columns = (np.flatnonzero((sprite[..., 3] > 8).any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) >= 58
