"""Rendered frames hold what they say they hold, where they say it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.stream.sources import pictograms
from training.renderer import render

SPRITES = {name: pictograms.sprite(name) for name in pictograms.names()[:20]}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_frame_follows_from_its_seed(seed: int) -> None:
    one, other = (render(SPRITES, np.random.default_rng(seed), "dog") for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert one.things == other.things


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(SPRITES)))
def test_a_thing_that_is_asked_for_is_seen(seed: int, name: str) -> None:
    frame = render(SPRITES, np.random.default_rng(seed), name)
    [thing], [alpha] = frame.things, frame.alphas
    assert thing.name == name
    assert frame.image.dtype == np.uint8
    assert alpha.shape == frame.image.shape[:2]
    rows, columns = np.nonzero(alpha > 100)
    h, w = alpha.shape
    x, y = thing.centre
    assert abs(columns.mean() / w - x) < 0.2
    assert abs(rows.mean() / h - y) < 0.2
