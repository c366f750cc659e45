"""Streams that were drawn and seen come back as the head names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.concept_head import load_head
from longwatch.models.soft_words import likely
from longwatch.stream.sources import pictograms
from training import real, sprites
from training.features import fused
from training.tower import tower

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FRAMES = 4


@torch.inference_mode()
def test_what_was_kept_is_named_as_the_model_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {name: pictograms.sprite(name) for name in pictograms.names()}
    monkeypatch.setattr(sprites, "sprites", lambda _: drawn)
    monkeypatch.setattr(real, "FRAMES", FRAMES)
    monkeypatch.setattr(real, "folder", lambda: tmp_path)
    network, words = tower(), BundledTokenizer(FOLDER)
    made = real.make(fused(network), 3)
    np.savez(tmp_path / "0003.npz", **made._asdict())
    head = load_head(FOLDER / "head.safetensors", network.classifier)
    [(again, sight)] = real.sights(head, network, words)
    assert (again.seed, again.style) == (made.seed, made.style)
    assert len(sight.frame) == 10 * FRAMES
    assert sight.shown.shape[0] == FRAMES
    maps = head.maps(network, torch.from_numpy(made.maps).float())
    whole = head(maps.mean((2, 3))[:, None])[:, 0]
    ids, p = likely(whole, torch.tensor(words.classes), real.WORDS)
    assert np.array_equal(sight.words[::10], ids.numpy())
    assert np.allclose(sight.p[::10], p.numpy(), atol=1e-5)
