"""Rendered frames hold what they say they hold, where they say it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.stream import pictograms
from training.renderer import MOST, render

SPRITES = {name: pictograms.sprite(name) for name in pictograms.names()[:20]}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_drawn_is_what_is_said(seed: int) -> None:
    frame = render(SPRITES, np.random.default_rng(seed))
    assert frame.image.dtype == np.uint8
    assert len(frame.things) == len(frame.alphas) <= MOST
    assert len({thing.name for thing in frame.things}) == len(frame.things)
    for thing, alpha in zip(frame.things, frame.alphas, strict=True):
        assert alpha.shape == frame.image.shape[:2]
        assert 0 <= thing.centre[0] <= 1
        assert 0 <= thing.centre[1] <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_frame_follows_from_its_seed(seed: int) -> None:
    one, other = (render(SPRITES, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert one.things == other.things


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_thing_that_is_asked_for_is_seen(seed: int, augmented: bool) -> None:
    rng = np.random.default_rng(seed)
    frame = render(SPRITES, rng, names=["dog"], augmented=augmented)
    (alpha,) = frame.alphas
    rows, columns = np.nonzero(alpha > 100)
    h, w = alpha.shape
    x, y = frame.things[0].centre
    assert abs(columns.mean() / w - x) < 0.2
    assert abs(rows.mean() / h - y) < 0.2
