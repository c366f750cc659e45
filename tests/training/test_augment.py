"""Augmented sprites stay premultiplied and in their square; frames keep their size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.stream.sources import pictograms
from training import augment


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(pictograms.names()))
def test_a_sprite_stays_premultiplied(seed: int, name: str) -> None:
    before = pictograms.sprite(name)
    after = augment.sprite(before, np.random.default_rng(seed))
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert (after[..., :3] <= after[..., 3:]).all()
    assert (after[..., 3] > 100).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_a_frame_stays_much_what_it_was(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.integers(90, 160, (60, 80, 3)).astype(np.uint8)
    after = augment.frame(before, rng)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert abs(after.mean() - before.mean()) < 50
