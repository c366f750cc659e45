"""A folder of the bundled model's form whose decoder and concept head are small and random."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2Model

from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.concept_head import ConceptHead
from longwatch.models.efficientnet import CLASSES, EfficientNetLite2

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("tokenizer.json", "names.json", "groups.json", "aliases.json", "sayings.json")
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 48,
    "max_position_embeddings": 1 << 20,
}
OWN = {
    "rope_theta": 1e9,
    "embedding_scale": 8.0,
    "time_weight": 0.6,
    "colour_weight": 0.4,
    "top_words": 5,
    "window_frames": 64,
}


def write(source: Path, folder: Path, **sizes: Any) -> Path:
    """Write a model with the words and the tower of `source` into `folder`."""
    torch.manual_seed(0)
    folder.mkdir()
    for name in (*WORDS, "tower.safetensors"):
        shutil.copy(source / name, folder / name)
    tokenizer = BundledTokenizer(folder)
    shape = SIZES | {"vocab_size": len(tokenizer) + 3} | sizes
    (folder / "config.json").write_text(json.dumps(shape | OWN))
    width = shape["hidden_size"]
    stack = Qwen2Model(Qwen2Config(**shape))
    tensors = {f"model.{name}": tensor.half() for name, tensor in stack.state_dict().items()}
    for name, rows in (("x", 9), ("y", 9), ("whole", 0), ("confidence", 0)):
        vector = torch.randn(*([rows] if rows else []), width) * width**-0.5
        tensors[f"soft_words.{name}"] = vector.half()
    save_file(tensors, folder / "model.safetensors")
    head = ConceptHead(EfficientNetLite2().classifier, len(tokenizer.names) - CLASSES)
    save_file({k: v.half() for k, v in head.own_state().items()}, folder / "head.safetensors")
    return folder
