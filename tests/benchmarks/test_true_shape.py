"""The sizes that are published."""

from __future__ import annotations

import pytest
import torch
from transformers import Qwen2Config, Qwen2Model, SiglipVisionConfig, SiglipVisionModel

from benchmarks.true_shape import QWEN2_05B, SIGLIP, Reader


def count(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_the_language_model_has_the_published_number_of_weights() -> None:
    """Qwen2-0.5B: 0.36 G weights beside its embeddings."""
    with torch.device("meta"):
        model = Qwen2Model(Qwen2Config(**QWEN2_05B))
    beside = count(model) - QWEN2_05B["vocab_size"] * QWEN2_05B["hidden_size"]
    assert beside == pytest.approx(0.358e9, rel=0.01)


def test_the_tower_has_the_published_number_of_weights_and_patches() -> None:
    """SigLIP-so400m has 428 M in 27 layers; LLaVA-OneVision leaves the last one out."""
    with torch.device("meta"):
        model = SiglipVisionModel(SiglipVisionConfig(**SIGLIP))
    assert count(model) == pytest.approx(0.398e9, rel=0.02)
    assert (SIGLIP["image_size"] // SIGLIP["patch_size"]) ** 2 == 729


def test_a_reader_is_the_same_for_the_same_seed_and_leaves_chance_alone() -> None:
    small = QWEN2_05B | {"hidden_size": 56, "intermediate_size": 64, "num_hidden_layers": 1}
    before = torch.random.get_rng_state()
    one, other = Reader(small), Reader(small)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.decoder.fingerprint == other.decoder.fingerprint
    with pytest.raises(NotImplementedError):
        one.encode([])
