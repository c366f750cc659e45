"""Tiny text models that the seam can drive exactly, and such that it must refuse.

Weights are large enough for attention to be peaky: what is wrong then shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModel

if TYPE_CHECKING:
    from torch import nn

SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e4,
    "factor": 4.0,
    "original_max_position_embeddings": 16,
}
MROPE = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]}

ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("llama", {}),
    "Llama, YaRN": ("llama", {"rope_parameters": YARN}),
    "Mistral": ("mistral", {"sliding_window": None}),
    "Qwen2": ("qwen2", {}),
    "Qwen2.5-VL": ("qwen2_5_vl_text", {"rope_parameters": MROPE}),
    "Qwen3": ("qwen3", {}),
    "Qwen3-VL": ("qwen3_vl_text", {"rope_parameters": {**MROPE, "mrope_interleaved": True}}),
}
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "Cohere2 (NoPE layers)": ("cohere2", {}),
    "Gemma2 (soft-capped scores)": ("gemma2", {}),
    "Gemma3 (two rotary embeddings)": ("gemma3_text", {}),
    "OPT (learned positions)": ("opt", {"ffn_dim": 128, "word_embed_proj_dim": 64}),
    "SmolLM3 (NoPE layers)": ("smollm3", {}),
    "StableLM (partial rotary)": ("stablelm", {}),
}


def build(model_type: str, extra: dict[str, Any], seed: int = 0) -> nn.Module:
    """Return a text model in fp32, the same for the same seed."""
    config = AutoConfig.for_model(model_type, **{**SIZES, **extra})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = AutoModel.from_config(config, dtype=torch.float32)
        for weight in model.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=3 * weight.shape[-1] ** -0.5)
    return model.eval()
